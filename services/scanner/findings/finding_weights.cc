#include "services/scanner/findings/finding_weights.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "services/scanner/findings/catalogue.h"
#include "services/scanner/findings/fitted_rules.h"
#include "services/scanner/findings/fitted_weights.h"

namespace cleanmail::scanner {
namespace {

constexpr std::string_view kRules = "spam_rules";  // analyzers
constexpr std::string_view kLearned = "learned";
constexpr double kSame = 0.0005;  // scores in rule files have three places

template <class Table>
const auto* Find(const Table& table, std::string_view name) {
  const auto* const found = std::ranges::lower_bound(
      table, name, {}, [](const auto& entry) -> std::string_view { return entry.name; });
  return found != std::end(table) && found->name == name ? &*found : nullptr;
}

template <class Table>
constexpr bool IsSorted(const Table& table) {
  return std::ranges::is_sorted(table, {},
                                [](const auto& entry) -> std::string_view { return entry.name; });
}
static_assert(IsSorted(kFittedWeights));
static_assert(IsSorted(kFittedRules));

}  // namespace

FindingWeights::FindingWeights(const v1::Weights& settings, bool rules)
    : set_(settings.set().begin(), settings.set().end()),
      fitted_(!settings.unfitted()),
      rules_(rules) {}

bool LessonsSpeak(const std::vector<mail::v1::Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const mail::v1::Finding& one) { return one.analyzer() == kLearned; });
}

void FindingWeights::Apply(std::vector<mail::v1::Finding>& findings) const {
  const double share = LessonsSpeak(findings) ? kBesideLessons : 1;
  for (mail::v1::Finding& finding : findings) {
    if (const auto set = set_.find(finding.name()); set != set_.end()) {
      finding.set_weight(set->second);
      continue;
    }
    if (!fitted_) continue;
    if (finding.analyzer() == kRules) {
      const auto* const rule = Find(kFittedRules, finding.name());
      if (rule != nullptr && std::abs(rule->score - finding.weight()) < kSame)
        finding.set_weight(rule->fitted * share);
    } else if (const auto* const fitted = Find(kFittedWeights, finding.name())) {
      finding.set_weight((rules_ ? fitted->with_rules : fitted->alone) * share);
    }
  }
}

}  // namespace cleanmail::scanner
