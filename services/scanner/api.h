#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/scanner/v1/scanner.grpc.pb.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {

// The gRPC door. Promises and errors of each method: scanner.proto.
class Api final : public v1::ScannerService::Service {
 public:
  // `rules` may be null: none are configured.
  Api(Scan& scan, spam::RuleSets* rules, authz::Authorizer& authz)
      : scan_(scan), rules_(rules), authz_(authz) {}

  grpc::Status ScanMessage(grpc::ServerContext*, const v1::ScanMessageRequest*,
                           v1::ScanMessageResponse*) override;
  grpc::Status GetRuleSet(grpc::ServerContext*, const v1::GetRuleSetRequest*,
                          v1::RuleSet*) override;
  grpc::Status ReloadRuleSet(grpc::ServerContext*, const v1::ReloadRuleSetRequest*,
                             v1::RuleSet*) override;
  grpc::Status RollBackRuleSet(grpc::ServerContext*, const v1::RollBackRuleSetRequest*,
                               v1::RuleSet*) override;

 private:
  Scan& scan_;
  spam::RuleSets* const rules_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::scanner
