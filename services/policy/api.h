#pragma once

#include "libs/authz/authorizer.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"
#include "services/policy/evaluation.h"
#include "services/policy/history/dry_runs.h"
#include "services/policy/history/store.h"
#include "services/policy/lists.h"
#include "services/policy/policies.h"

namespace cleanmail::policy {

// What the gRPC door needs. All outlive it.
struct ApiParts {
  const Evaluation& evaluation;
  const directory::Directory& directory;
  authz::Authorizer& authz;
  Policies& policies;
  Lists& lists;
  history::Store& history;
  history::DryRuns& dry_runs;
};

// The gRPC door. Promises and errors of each method: policy.proto. Deciding and policies are in
// api.cc, lists in api_lists.cc, explanations and dry runs in api_history.cc.
class Api final : public v1::PolicyService::Service {
 public:
  explicit Api(const ApiParts& parts) : parts_(parts) {}

  grpc::Status EvaluateEnvelope(grpc::ServerContext*, const v1::EvaluateEnvelopeRequest*,
                                v1::EvaluateEnvelopeResponse*) override;
  grpc::Status EvaluateMessage(grpc::ServerContext*, const v1::EvaluateMessageRequest*,
                               v1::EvaluateMessageResponse*) override;
  grpc::Status EvaluateHeaders(grpc::ServerContext*, const v1::EvaluateHeadersRequest*,
                               v1::EvaluateHeadersResponse*) override;
  grpc::Status ListPolicies(grpc::ServerContext*, const v1::ListPoliciesRequest*,
                            v1::ListPoliciesResponse*) override;
  grpc::Status GetPolicy(grpc::ServerContext*, const v1::GetPolicyRequest*, v1::Policy*) override;
  grpc::Status CreatePolicy(grpc::ServerContext*, const v1::CreatePolicyRequest*,
                            v1::Policy*) override;
  grpc::Status UpdatePolicy(grpc::ServerContext*, const v1::UpdatePolicyRequest*,
                            v1::Policy*) override;
  grpc::Status DeletePolicy(grpc::ServerContext*, const v1::DeletePolicyRequest*,
                            v1::DeletePolicyResponse*) override;
  grpc::Status RollbackPolicy(grpc::ServerContext*, const v1::RollbackPolicyRequest*,
                              v1::Policy*) override;
  grpc::Status ListPolicyVersions(grpc::ServerContext*, const v1::ListPolicyVersionsRequest*,
                                  v1::ListPolicyVersionsResponse*) override;
  grpc::Status GetPolicyVersion(grpc::ServerContext*, const v1::GetPolicyVersionRequest*,
                                v1::PolicyVersion*) override;
  grpc::Status ComparePolicyVersions(grpc::ServerContext*, const v1::ComparePolicyVersionsRequest*,
                                     v1::PolicyDifference*) override;
  grpc::Status GetPolicySettings(grpc::ServerContext*, const v1::GetPolicySettingsRequest*,
                                 v1::PolicySettings*) override;
  grpc::Status UpdatePolicySettings(grpc::ServerContext*, const v1::UpdatePolicySettingsRequest*,
                                    v1::PolicySettings*) override;
  grpc::Status ListListEntries(grpc::ServerContext*, const v1::ListListEntriesRequest*,
                               v1::ListListEntriesResponse*) override;
  grpc::Status GetListEntry(grpc::ServerContext*, const v1::GetListEntryRequest*,
                            v1::ListEntry*) override;
  grpc::Status CreateListEntry(grpc::ServerContext*, const v1::CreateListEntryRequest*,
                               v1::ListEntry*) override;
  grpc::Status UpdateListEntry(grpc::ServerContext*, const v1::UpdateListEntryRequest*,
                               v1::ListEntry*) override;
  grpc::Status DeleteListEntry(grpc::ServerContext*, const v1::DeleteListEntryRequest*,
                               v1::DeleteListEntryResponse*) override;
  grpc::Status ImportListEntries(grpc::ServerContext*, const v1::ImportListEntriesRequest*,
                                 v1::ImportListEntriesResponse*) override;
  grpc::Status ExportListEntries(grpc::ServerContext*, const v1::ExportListEntriesRequest*,
                                 v1::ExportListEntriesResponse*) override;
  grpc::Status ExplainMessage(grpc::ServerContext*, const v1::ExplainMessageRequest*,
                              v1::Explanation*) override;
  grpc::Status StartDryRun(grpc::ServerContext*, const v1::StartDryRunRequest*,
                           v1::DryRun*) override;
  grpc::Status GetDryRun(grpc::ServerContext*, const v1::GetDryRunRequest*, v1::DryRun*) override;
  grpc::Status ListDryRuns(grpc::ServerContext*, const v1::ListDryRunsRequest*,
                           v1::ListDryRunsResponse*) override;
  grpc::Status ListRefusalCodes(grpc::ServerContext*, const v1::ListRefusalCodesRequest*,
                                v1::ListRefusalCodesResponse*) override;

 private:
  // NotFound for a tenant the directory does not have.
  absl::Status CheckTenant(std::string_view tenant) const;
  // The parts of a name whose policies the caller may read (rpc::resource::Match); the first is the
  // tenant. Errors: those of Match, of authorisation and of CheckTenant.
  absl::StatusOr<std::vector<std::string>> MatchReadable(const rpc::Caller& caller,
                                                         std::string_view pattern,
                                                         const std::string& name) const;
  // Whether the caller may have the entry; NotFound otherwise.
  absl::Status CheckEntry(const rpc::Caller& caller, authz::Permission permission,
                          std::string_view tenant, const v1::ListEntry& entry);

  const ApiParts parts_;
};

}  // namespace cleanmail::policy
