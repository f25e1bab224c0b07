#include "services/policy/evaluation.h"

#include "services/policy/rules/rule_set.h"

namespace cleanmail::policy {

absl::StatusOr<std::vector<mail::v1::RecipientGroup>> Evaluation::Dispose(
    const Case& scanned) const {
  if (!directory_.complete()) return absl::UnavailableError("the directory is not complete yet");
  // A tenant deleted since the message came still gets the standard judgement: a message is never
  // let through unjudged.
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

absl::StatusOr<std::vector<EnvelopeDecision>> Evaluation::Admit(
    const v1::EvaluateEnvelopeRequest& request) const {
  if (!directory_.complete()) return absl::UnavailableError("the directory is not complete yet");
  std::vector<EnvelopeDecision> decisions;
  decisions.reserve(static_cast<size_t>(request.recipients_size()));
  for (const v1::AddressedRecipient& recipient : request.recipients()) {
    const auto tenant = directory_.FindTenant(recipient.tenant());
    if (tenant.has_value()) {
      decisions.push_back({.accepted = true,
                           .code = 250,
                           .enhanced_code = "2.1.5",
                           .text = "Ok",
                           .rule = tenant->policy()});
    } else {
      decisions.push_back({.accepted = false,
                           .code = 550,
                           .enhanced_code = "5.7.1",
                           .text = "This server does not handle mail for this recipient",
                           .rule = "tenant-exists"});
    }
  }
  return decisions;
}

}  // namespace cleanmail::policy
