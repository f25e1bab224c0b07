#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/policy/api.h"
#include "services/policy/api_answer.h"
#include "services/policy/history/explain.h"

namespace cleanmail::policy {
namespace {

using authz::Permission;
using rpc::Caller;
using rpc::resource::Match;

// Leaves only what the caller may see of who else got the message.
void KeepVisible(const authz::Visible& visible, std::string_view tenant, v1::Judged& judged) {
  const bool outbound = judged.message().direction() == mail::v1::DIRECTION_OUTBOUND;
  if (visible.SeesWholeTenant(tenant)) return;
  if (outbound && visible.SeesUser(tenant, Lower(judged.message().envelope().sender()))) return;
  google::protobuf::RepeatedPtrField<mail::v1::RecipientGroup> groups;
  groups.Swap(judged.mutable_groups());
  for (mail::v1::RecipientGroup& group : groups) {
    mail::v1::RecipientGroup kept = group;
    kept.clear_recipients();
    for (const std::string& recipient : group.recipients()) {
      if (!outbound && visible.SeesUser(tenant, Lower(recipient))) kept.add_recipients(recipient);
    }
    if (!kept.recipients().empty()) *judged.add_groups() = std::move(kept);
  }
}

}  // namespace

grpc::Status Api::ExplainMessage(grpc::ServerContext* rpc, const v1::ExplainMessageRequest* request,
                                 v1::Explanation* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*/messages/*", request->name()));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kReadTraces,
        {.tenant = parts[0], .resource = request->name(), .filtered = true}));
    CLEANMAIL_ASSIGN_OR_RETURN(v1::Judged judged, parts_.history.Recall(parts[0], parts[1]));
    KeepVisible(parts_.authz.VisibleTo(caller), parts[0], judged);
    if (judged.groups().empty()) return authz::NoSuchResource();
    const auto tenant = parts_.directory.FindTenant(parts[0]);
    const auto version = [&](std::string_view policy, int64_t number)
        -> absl::StatusOr<std::shared_ptr<const RuleSet>> {
      CLEANMAIL_ASSIGN_OR_RETURN(const v1::PolicyVersion made,
                                 parts_.policies.GetVersion(parts[0], policy, number));
      return RuleSet::Compile(made.policy());
    };
    *reply = history::Explain(judged, tenant.has_value() ? tenant->time_zone() : "", version);
    return absl::OkStatus();
  });
}

grpc::Status Api::StartDryRun(grpc::ServerContext* rpc, const v1::StartDryRunRequest* request,
                              v1::DryRun* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*/policies/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kWritePolicies, parts[0], request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_RETURN_IF_ERROR(parts_.policies.Get(parts[0], parts[1]).status());
    v1::Policy policy = request->policy();
    policy.set_name(request->parent());
    CLEANMAIL_ASSIGN_OR_RETURN(
        *reply, parts_.dry_runs.Start(parts[0], policy, request->days(), caller.id));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetDryRun(grpc::ServerContext* rpc, const v1::GetDryRunRequest* request,
                            v1::DryRun* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*/dryRuns/*", request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kReadTraces, parts[0], request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.dry_runs.Get(parts[0], parts[1]));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListDryRuns(grpc::ServerContext* rpc, const v1::ListDryRunsRequest* request,
                              v1::ListDryRunsResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kReadTraces, parts[0], request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string before,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t size, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::DryRun> dry_runs,
                               parts_.dry_runs.List(parts[0], before, size));
    for (v1::DryRun& dry_run : dry_runs) {
      dry_run.clear_examples();
      *reply->add_dry_runs() = std::move(dry_run);
    }
    if (reply->dry_runs_size() == size) {
      const std::string& last = reply->dry_runs(size - 1).name();
      reply->set_next_page_token(
          rpc::resource::ToPageToken(last.substr(last.rfind('/') + 1)));
    }
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::policy
