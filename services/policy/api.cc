#include "services/policy/api.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "services/policy/rules/rule_set.h"

namespace cleanmail::policy {
namespace {

void Fill(const RuleSet& rules, std::string_view tenant, v1::Policy* policy) {
  policy->set_name(base::Cat("tenants/", tenant, "/policies/", rules.name()));
  policy->set_display_name(rules.display_name());
  policy->set_hold_score(rules.hold_score());
  policy->set_quarantine_report(rules.quarantine_report());
}

}  // namespace

grpc::Status Api::EvaluateEnvelope(grpc::ServerContext* rpc,
                                   const v1::EvaluateEnvelopeRequest* request,
                                   v1::EvaluateEnvelopeResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kEvaluateEnvelopes, authz::kWholeInstallation));
    if (request->recipients().empty())
      return absl::InvalidArgumentError("recipients: at least one is needed");
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<EnvelopeDecision> decisions,
                               evaluation_.Admit(*request));
    for (const EnvelopeDecision& decision : decisions) {
      v1::EnvelopeDecision* said = reply->add_decisions();
      said->set_accepted(decision.accepted);
      said->set_code(decision.code);
      said->set_enhanced_code(decision.enhanced_code);
      said->set_text(decision.text);
      said->set_rule(decision.rule);
    }
    return absl::OkStatus();
  });
}

grpc::Status Api::ListPolicies(grpc::ServerContext* rpc, const v1::ListPoliciesRequest* request,
                               v1::ListPoliciesResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kReadPolicies, parts[0], request->parent()));
    if (!directory_.FindTenant(parts[0]).has_value())
      return absl::NotFoundError(base::Cat("tenant ", parts[0], " does not exist"));
    Fill(RuleSet::Recommended("standard"), parts[0], reply->add_policies());
    Fill(RuleSet::Recommended("without-report"), parts[0], reply->add_policies());
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::policy
