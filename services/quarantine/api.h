#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/quarantine/v1/quarantine.grpc.pb.h"
#include "services/quarantine/holds.h"

namespace cleanmail::quarantine {

// The gRPC door. Promises and errors of each method: quarantine.proto.
class Api final : public v1::QuarantineService::Service {
 public:
  Api(Holds& holds, authz::Authorizer& authz) : holds_(holds), authz_(authz) {}

  grpc::Status ListHolds(grpc::ServerContext*, const v1::ListHoldsRequest*,
                         v1::ListHoldsResponse*) override;
  grpc::Status GetHold(grpc::ServerContext*, const v1::GetHoldRequest*, v1::Hold*) override;
  grpc::Status ReleaseHold(grpc::ServerContext*, const v1::ReleaseHoldRequest*, v1::Hold*) override;
  grpc::Status DeleteHold(grpc::ServerContext*, const v1::DeleteHoldRequest*, v1::Hold*) override;

 private:
  Holds& holds_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::quarantine
