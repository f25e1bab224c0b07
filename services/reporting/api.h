#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/reporting/v1/reporting.grpc.pb.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {

// The gRPC door. Promises and errors of each method: reporting.proto.
class Api final : public v1::ReportingService::Service {
 public:
  Api(Store& store, authz::Authorizer& authz) : store_(store), authz_(authz) {}

  grpc::Status GetTrace(grpc::ServerContext*, const v1::GetTraceRequest*, v1::Trace*) override;

 private:
  Store& store_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::reporting
