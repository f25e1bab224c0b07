#pragma once

#include <optional>

#include "libs/authz/authorizer.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/scanner/v1/scanner.grpc.pb.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"
#include "services/scanner/learning/lessons.h"
#include "services/scanner/rule_agreement.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {

// The gRPC door. Promises and errors of each method: scanner.proto.
class Api final : public v1::ScannerService::Service {
 public:
  // Rules, and how scanners agree on them.
  struct Rules {
    spam::RuleSets& sets;
    RuleAgreement& agreement;
  };

  // `rules` may be missing: none are configured; `lessons` null: learning is off.
  Api(Scan& scan, std::optional<Rules> rules, learning::Lessons* lessons, authz::Authorizer& authz,
      const directory::Directory& directory)
      : scan_(scan), rules_(rules), lessons_(lessons), authz_(authz), directory_(directory) {}

  grpc::Status ScanMessage(grpc::ServerContext*, const v1::ScanMessageRequest*,
                           v1::ScanMessageResponse*) override;
  grpc::Status GetRuleSet(grpc::ServerContext*, const v1::GetRuleSetRequest*,
                          v1::RuleSet*) override;
  grpc::Status ReloadRuleSet(grpc::ServerContext*, const v1::ReloadRuleSetRequest*,
                             v1::RuleSet*) override;
  grpc::Status RollBackRuleSet(grpc::ServerContext*, const v1::RollBackRuleSetRequest*,
                               v1::RuleSet*) override;
  grpc::Status GetLearning(grpc::ServerContext*, const v1::GetLearningRequest*,
                           v1::Learning*) override;
  grpc::Status TeachMessages(grpc::ServerContext*, const v1::TeachMessagesRequest*,
                             v1::TeachMessagesResponse*) override;
  grpc::Status DeleteLearning(grpc::ServerContext*, const v1::DeleteLearningRequest*,
                              v1::Learning*) override;

 private:
  // The tenant of `tenants/{tenant}/learning` for a caller who may; "-" is what all share.
  absl::StatusOr<std::string> Admit(const rpc::Caller& caller, authz::Permission permission,
                                    const std::string& name);
  absl::StatusOr<v1::Learning> LearningOf(const std::string& tenant);

  Scan& scan_;
  const std::optional<Rules> rules_;
  learning::Lessons* const lessons_;
  authz::Authorizer& authz_;
  const directory::Directory& directory_;
};

}  // namespace cleanmail::scanner
