#include "services/policy/api.h"

#include <charconv>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/policy/api_answer.h"
#include "services/policy/rules/difference.h"

namespace cleanmail::policy {
namespace {

using authz::Permission;
using rpc::Caller;
using rpc::resource::Match;

constexpr std::string_view kPolicyName = "tenants/*/policies/*";

// The number of a version, or InvalidArgument.
absl::StatusOr<int64_t> VersionOf(const std::string& text) {
  int64_t version = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || end != text.data() + text.size() || version < 0)
    return absl::InvalidArgumentError("name: a version is a number");
  return version;
}

PolicyEdit EditBy(const Caller& caller, const std::vector<std::string>& parts,
                  std::string_view comment, std::string_view etag) {
  return {.tenant = parts[0],
          .policy = parts[1],
          .author = caller.id,
          .comment = std::string(comment),
          .etag = std::string(etag)};
}

}  // namespace

absl::Status Api::CheckTenant(std::string_view tenant) const {
  if (parts_.directory.AwaitTenant(tenant)) return absl::OkStatus();
  return authz::NoSuchResource();
}

absl::StatusOr<std::vector<std::string>> Api::MatchReadable(const Caller& caller,
                                                            std::string_view pattern,
                                                            const std::string& name) const {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> parts, Match(pattern, name));
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kReadPolicies, parts[0], name));
  CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
  return parts;
}

grpc::Status Api::EvaluateEnvelope(grpc::ServerContext* rpc,
                                   const v1::EvaluateEnvelopeRequest* request,
                                   v1::EvaluateEnvelopeResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kEvaluateEnvelopes, authz::kWholeInstallation));
    if (request->recipients().empty())
      return absl::InvalidArgumentError("recipients: at least one is needed");
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::EnvelopeDecision> decisions,
                               parts_.evaluation.Admit(*request));
    for (v1::EnvelopeDecision& decision : decisions) *reply->add_decisions() = std::move(decision);
    return absl::OkStatus();
  });
}

grpc::Status Api::EvaluateHeaders(grpc::ServerContext* rpc,
                                  const v1::EvaluateHeadersRequest* request,
                                  v1::EvaluateHeadersResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kEvaluateEnvelopes, authz::kWholeInstallation));
    if (request->recipients().empty())
      return absl::InvalidArgumentError("recipients: at least one is needed");
    CLEANMAIL_ASSIGN_OR_RETURN(*reply->mutable_decision(),
                               parts_.evaluation.AdmitHeaders(*request));
    return absl::OkStatus();
  });
}

grpc::Status Api::EvaluateMessage(grpc::ServerContext* rpc,
                                  const v1::EvaluateMessageRequest* request,
                                  v1::EvaluateMessageResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kEvaluateEnvelopes, authz::kWholeInstallation));
    CLEANMAIL_ASSIGN_OR_RETURN(
        *reply->mutable_decision(),
        parts_.evaluation.AdmitScanned({.message = request->message(),
                                        .findings = request->scan().findings(),
                                        .facts = request->scan().facts(),
                                        .score = request->scan().score()}));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListPolicies(grpc::ServerContext* rpc, const v1::ListPoliciesRequest* request,
                               v1::ListPoliciesResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               MatchReadable(caller, "tenants/*", request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t size, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::Policy> policies, parts_.policies.List(parts[0]));
    for (v1::Policy& policy : policies) {
      if (policy.name() <= after) continue;
      if (reply->policies_size() == size) {
        reply->set_next_page_token(rpc::resource::ToPageToken(reply->policies(size - 1).name()));
        break;
      }
      *reply->add_policies() = std::move(policy);
    }
    return absl::OkStatus();
  });
}

grpc::Status Api::GetPolicy(grpc::ServerContext* rpc, const v1::GetPolicyRequest* request,
                            v1::Policy* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               MatchReadable(caller, kPolicyName, request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.policies.Get(parts[0], parts[1]));
    return absl::OkStatus();
  });
}

grpc::Status Api::CreatePolicy(grpc::ServerContext* rpc, const v1::CreatePolicyRequest* request,
                               v1::Policy* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    const std::string& name = request->policy().name();
    parts.push_back(request->policy_id().empty() ? name.substr(name.rfind('/') + 1)
                                                 : request->policy_id());
    const authz::Target target = {.tenant = parts[0], .resource = request->parent()};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWritePolicies, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(
        *reply,
        parts_.policies.Create(EditBy(caller, parts, request->comment(), {}), request->policy()));
    parts_.authz.Changed(caller, Permission::kWritePolicies,
                         {.tenant = parts[0], .resource = reply->name()}, nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdatePolicy(grpc::ServerContext* rpc, const v1::UpdatePolicyRequest* request,
                               v1::Policy* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->policy().name();
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts, Match(kPolicyName, name));
    const authz::Target target = {.tenant = parts[0], .resource = name};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWritePolicies, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(
        Change<v1::Policy> change,
        parts_.policies.Update(EditBy(caller, parts, request->comment(), request->policy().etag()),
                               request->policy(), request->update_mask()));
    parts_.authz.Changed(caller, Permission::kWritePolicies, target, &*change.before,
                         &change.after);
    *reply = std::move(change.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::DeletePolicy(grpc::ServerContext* rpc, const v1::DeletePolicyRequest* request,
                               v1::DeletePolicyResponse*) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match(kPolicyName, request->name()));
    const authz::Target target = {.tenant = parts[0], .resource = request->name()};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWritePolicies, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Policy before,
                               parts_.policies.Delete(EditBy(caller, parts, {}, request->etag())));
    parts_.authz.Changed(caller, Permission::kWritePolicies, target, &before, nullptr);
    return absl::OkStatus();
  });
}

grpc::Status Api::RollbackPolicy(grpc::ServerContext* rpc, const v1::RollbackPolicyRequest* request,
                                 v1::Policy* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match(kPolicyName, request->name()));
    const authz::Target target = {.tenant = parts[0], .resource = request->name()};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWritePolicies, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(
        Change<v1::Policy> change,
        parts_.policies.Rollback(EditBy(caller, parts, request->comment(), request->etag()),
                                 request->version()));
    parts_.authz.Changed(caller, Permission::kWritePolicies, target,
                         change.before.has_value() ? &*change.before : nullptr, &change.after);
    *reply = std::move(change.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListPolicyVersions(grpc::ServerContext* rpc,
                                     const v1::ListPolicyVersionsRequest* request,
                                     v1::ListPolicyVersionsResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               MatchReadable(caller, kPolicyName, request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string key,
                               rpc::resource::FromPageToken(request->page_token()));
    int64_t before = INT64_MAX;
    if (!key.empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(before, VersionOf(key));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t size, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::PolicyVersion> versions,
                               parts_.policies.ListVersions(parts[0], parts[1], before, size));
    if (versions.empty() && key.empty()) return authz::NoSuchResource();
    for (v1::PolicyVersion& version : versions) *reply->add_versions() = std::move(version);
    const int found = reply->versions_size();
    if (found == size && reply->versions(found - 1).policy().version() > 0)
      reply->set_next_page_token(
          rpc::resource::ToPageToken(base::Cat(reply->versions(found - 1).policy().version())));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetPolicyVersion(grpc::ServerContext* rpc,
                                   const v1::GetPolicyVersionRequest* request,
                                   v1::PolicyVersion* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<std::string> parts,
        MatchReadable(caller, "tenants/*/policies/*/versions/*", request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t version, VersionOf(parts[2]));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.policies.GetVersion(parts[0], parts[1], version));
    return absl::OkStatus();
  });
}

grpc::Status Api::ComparePolicyVersions(grpc::ServerContext* rpc,
                                        const v1::ComparePolicyVersionsRequest* request,
                                        v1::PolicyDifference* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<std::string> parts,
        MatchReadable(caller, "tenants/*/policies/*/versions/*", request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t version, VersionOf(parts[2]));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::PolicyVersion after,
                               parts_.policies.GetVersion(parts[0], parts[1], version));
    const int64_t base = request->has_base() ? request->base() : version - 1;
    absl::StatusOr<v1::PolicyVersion> before = parts_.policies.GetVersion(parts[0], parts[1], base);
    // The first version of a tenant's own policy is compared with nothing.
    if (absl::IsNotFound(before.status()) && !request->has_base()) before = v1::PolicyVersion();
    CLEANMAIL_RETURN_IF_ERROR(before.status());
    *reply = Difference(before->policy(), after.policy());
    return absl::OkStatus();
  });
}

grpc::Status Api::GetPolicySettings(grpc::ServerContext* rpc,
                                    const v1::GetPolicySettingsRequest* request,
                                    v1::PolicySettings* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               MatchReadable(caller, "tenants/*/policySettings", request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.policies.GetSettings(parts[0]));
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdatePolicySettings(grpc::ServerContext* rpc,
                                       const v1::UpdatePolicySettingsRequest* request,
                                       v1::PolicySettings* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->settings().name();
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*/policySettings", name));
    const authz::Target target = {.tenant = parts[0], .resource = name};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWritePolicies, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(
        Change<v1::PolicySettings> change,
        parts_.policies.UpdateSettings(parts[0], request->settings(), request->update_mask()));
    parts_.authz.Changed(caller, Permission::kWritePolicies, target, &*change.before,
                         &change.after);
    *reply = std::move(change.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListRefusalCodes(grpc::ServerContext* rpc, const v1::ListRefusalCodesRequest*,
                                   v1::ListRefusalCodesResponse* reply) {
  // What everybody may know: it stands in every refusal.
  return rpc::Answer(rpc, [&](const Caller&) -> absl::Status {
    for (const refusals::Refusal& refusal : refusals::All()) {
      v1::RefusalCode& said = *reply->add_refusal_codes();
      said.set_code(std::string(refusal.code));
      said.set_reply(refusal.reply);
      said.set_enhanced_code(std::string(refusal.enhanced));
      said.set_sentence(std::string(refusal.sentence));
      said.set_meaning(std::string(refusal.meaning));
      said.set_advice(std::string(refusal.advice));
    }
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::policy
