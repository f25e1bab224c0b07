#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/scanner/v1/scanner.grpc.pb.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {

// The gRPC door. Promises and errors of each method: scanner.proto.
class Api final : public v1::ScannerService::Service {
 public:
  Api(Scan& scan, authz::Authorizer& authz) : scan_(scan), authz_(authz) {}

  grpc::Status ScanMessage(grpc::ServerContext*, const v1::ScanMessageRequest*,
                           v1::ScanMessageResponse*) override;

 private:
  Scan& scan_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::scanner
