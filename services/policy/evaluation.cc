#include "services/policy/evaluation.h"

#include "services/policy/rules/rule_set.h"

namespace cleanmail::policy {

absl::StatusOr<std::vector<mail::v1::RecipientGroup>> Evaluation::Dispose(const Case& scanned) const {
  if (!directory_.complete()) return absl::UnavailableError("the directory is not complete yet");
  // A tenant deleted since the message came still gets the standard judgement: a message is never let through unjudged.
  const auto tenant = directory_.FindTenant(scanned.message.tenant());
  const RuleSet& rules = RuleSet::Recommended(tenant.has_value() ? tenant->policy() : "");
  const Decision decision = rules.Decide({.findings = scanned.findings, .score = scanned.score});
  mail::v1::RecipientGroup group;
  *group.mutable_recipients() = scanned.message.envelope().recipients();
  group.set_disposition(decision.disposition);
  group.set_hold_kind(decision.hold_kind);
  group.set_rule(decision.rule);
  group.set_reason(decision.reason);
  return std::vector<mail::v1::RecipientGroup>{std::move(group)};
}

}  // namespace cleanmail::policy
