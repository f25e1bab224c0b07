#pragma once

#include "libs/authz/authorizer.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"
#include "services/policy/evaluation.h"

namespace cleanmail::policy {

// The gRPC door. Promises and errors of each method: policy.proto.
class Api final : public v1::PolicyService::Service {
 public:
  Api(const Evaluation& evaluation, const directory::Directory& directory, authz::Authorizer& authz)
      : evaluation_(evaluation), directory_(directory), authz_(authz) {}

  grpc::Status EvaluateEnvelope(grpc::ServerContext*, const v1::EvaluateEnvelopeRequest*,
                                v1::EvaluateEnvelopeResponse*) override;
  grpc::Status ListPolicies(grpc::ServerContext*, const v1::ListPoliciesRequest*,
                            v1::ListPoliciesResponse*) override;

 private:
  const Evaluation& evaluation_;
  const directory::Directory& directory_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::policy
