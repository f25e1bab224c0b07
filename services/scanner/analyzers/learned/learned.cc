#include "services/scanner/analyzers/learned/learned.h"

#include <algorithm>
#include <cmath>

#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr double kEven = 0.5;      // what an even chance weighs
constexpr double kMost = 4.9;      // no more than this, from
constexpr double kMostAt = 0.999;  // this probability on
constexpr double kLeast = -3;

double LogOdds(double probability) { return std::log(probability / (1 - probability)); }

double WeightOf(double probability) {
  if (probability >= kMostAt) return kMost;
  if (probability <= 1 - kMostAt) return kLeast;
  const double weight = kEven + (kMost - kEven) / LogOdds(kMostAt) * LogOdds(probability);
  return std::max(kLeast, std::round(weight * 100) / 100);  // for people
}

FindingId GradeOf(double probability) {
  if (probability >= 0.999) return FindingId::kLearnedSpam999;
  if (probability >= 0.99) return FindingId::kLearnedSpam99;
  if (probability >= 0.95) return FindingId::kLearnedSpam95;
  if (probability >= 0.8) return FindingId::kLearnedSpam80;
  if (probability <= 0.01) return FindingId::kLearnedHam99;
  if (probability <= 0.05) return FindingId::kLearnedHam95;
  if (probability <= 0.2) return FindingId::kLearnedHam80;
  return FindingId::kLearnedUnsure;
}

}  // namespace

mail::v1::Finding LearnedFinding(const learning::Opinion& opinion, std::string_view analyzer) {
  mail::v1::Finding finding = MakeFinding(GradeOf(opinion.probability), opinion.because, analyzer);
  finding.set_weight(WeightOf(opinion.probability));
  return finding;
}

absl::StatusOr<Findings> Learned::Analyze(const ParsedMessage& message) {
  Findings findings;
  const std::string_view tenant =
      message.envelope == nullptr ? std::string_view() : message.envelope->tenant();
  const std::optional<learning::Opinion> opinion = lessons_.Judge(tenant, message);
  if (opinion.has_value()) findings.push_back(LearnedFinding(*opinion, name()));
  return findings;
}

}  // namespace cleanmail::scanner
