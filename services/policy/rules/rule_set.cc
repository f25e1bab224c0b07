#include "services/policy/rules/rule_set.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::policy {
namespace {

using mail::v1::Finding;
using mail::v1::FindingCategory;

constexpr double kHoldScore = 5.0;  // features.md C3: 5.0 is held, 4.9 is delivered

const Finding* FirstOf(const Scanned& scanned, FindingCategory category) {
  const auto found = std::ranges::find(scanned.findings, category, &Finding::category);
  return found == scanned.findings.end() ? nullptr : &*found;
}

std::string Said(const Finding& finding) {
  return finding.evidence().empty()
             ? finding.name()
             : base::Cat(finding.name(), " (", base::Printable(finding.evidence(), 200), ")");
}

}  // namespace

RuleSet::RuleSet(std::string name, std::string display_name, double hold_score,
                 bool quarantine_report)
    : name_(std::move(name)),
      display_name_(std::move(display_name)),
      hold_score_(hold_score),
      quarantine_report_(quarantine_report) {
  rules_.push_back({
      .name = "malware",
      .holds =
          [](const Scanned& s) {
            return FirstOf(s, mail::v1::FINDING_CATEGORY_MALWARE) != nullptr;
          },
      .disposition = mail::v1::DISPOSITION_KIND_HOLD,
      .hold_kind = mail::v1::HOLD_KIND_VIRUS,
      .reason =
          [](const Scanned& s) {
            return base::Cat("Malware: ", Said(*FirstOf(s, mail::v1::FINDING_CATEGORY_MALWARE)),
                             ".");
          },
  });
  rules_.push_back({
      .name = "could-not-scan",
      .holds =
          [](const Scanned& s) {
            return FirstOf(s, mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN) != nullptr;
          },
      .disposition = mail::v1::DISPOSITION_KIND_HOLD,
      .hold_kind = mail::v1::HOLD_KIND_COULD_NOT_SCAN,
      .reason =
          [](const Scanned& s) {
            return base::Cat("A part could not be scanned: ",
                             Said(*FirstOf(s, mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN)), ".");
          },
  });
  rules_.push_back({
      .name = absl::StrFormat("score-at-least-%.1f", hold_score),
      .holds = [hold_score](const Scanned& s) { return s.score >= hold_score; },
      .disposition = mail::v1::DISPOSITION_KIND_HOLD,
      .hold_kind = mail::v1::HOLD_KIND_SPAM,
      .reason =
          [hold_score](const Scanned& s) {
            return absl::StrFormat("Score %.1f, held from %.1f on.", s.score, hold_score);
          },
  });
  rules_.push_back({
      .name = "otherwise-deliver",
      .holds = [](const Scanned&) { return true; },
      .disposition = mail::v1::DISPOSITION_KIND_DELIVER,
      .hold_kind = mail::v1::HOLD_KIND_UNSPECIFIED,
      .reason =
          [hold_score](const Scanned& s) {
            return absl::StrFormat("Score %.1f, below %.1f.", s.score, hold_score);
          },
  });
}

const RuleSet& RuleSet::Recommended(std::string_view policy) {
  static const RuleSet standard("standard", "Standard with quarantine report", kHoldScore, true);
  static const RuleSet without_report("without-report", "Standard without quarantine report",
                                      kHoldScore, false);
  return policy == without_report.name() ? without_report : standard;
}

Decision RuleSet::Decide(const Scanned& scanned) const {
  const auto rule = std::ranges::find_if(rules_, [&](const Rule& r) { return r.holds(scanned); });
  return {.disposition = rule->disposition,
          .hold_kind = rule->hold_kind,
          .rule = base::Cat(name_, "/", rule->name),
          .reason = rule->reason(scanned)};
}

}  // namespace cleanmail::policy
