#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/provisioning/v1/imports.grpc.pb.h"
#include "services/provisioning/import/imports.h"

namespace cleanmail::provisioning::import {

// The gRPC door to imports. Promises and errors of each method: imports.proto.
class Api final : public v1::ImportService::Service {
 public:
  // All outlive it.
  Api(Imports& imports, Store& store, authz::Authorizer& authz)
      : imports_(imports), store_(store), authz_(authz) {}

  grpc::Status CreateImport(grpc::ServerContext* rpc, const v1::CreateImportRequest* request,
                            v1::Import* reply) override;
  grpc::Status GetImport(grpc::ServerContext* rpc, const v1::GetImportRequest* request,
                         v1::Import* reply) override;
  grpc::Status ListImports(grpc::ServerContext* rpc, const v1::ListImportsRequest* request,
                           v1::ListImportsResponse* reply) override;
  grpc::Status ListImportLines(grpc::ServerContext* rpc, const v1::ListImportLinesRequest* request,
                               v1::ListImportLinesResponse* reply) override;
  grpc::Status CancelImport(grpc::ServerContext* rpc, const v1::CancelImportRequest* request,
                            v1::Import* reply) override;
  grpc::Status DeleteImport(grpc::ServerContext* rpc, const v1::DeleteImportRequest* request,
                            v1::DeleteImportResponse* reply) override;

 private:
  Imports& imports_;
  Store& store_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::provisioning::import
