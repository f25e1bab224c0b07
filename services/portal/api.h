#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/portal/v1/portal.grpc.pb.h"
#include "services/portal/tokens.h"

namespace cleanmail::portal {

// The gRPC door.
class Api final : public v1::PortalService::Service {
 public:
  Api(Tokens& tokens, authz::Authorizer& authz) : tokens_(tokens), authz_(authz) {}

  grpc::Status GetCaller(grpc::ServerContext* rpc, const v1::GetCallerRequest* request,
                         v1::CurrentCaller* reply) override;

  grpc::Status CreateApiToken(grpc::ServerContext* rpc, const v1::CreateApiTokenRequest* request,
                              v1::ApiToken* reply) override {
    return Create(rpc, *request, "", *reply);
  }
  grpc::Status ListApiTokens(grpc::ServerContext* rpc, const v1::ListApiTokensRequest* request,
                             v1::ListApiTokensResponse* reply) override {
    return List(rpc, *request, "", *reply);
  }
  grpc::Status GetApiToken(grpc::ServerContext* rpc, const v1::GetApiTokenRequest* request,
                           v1::ApiToken* reply) override {
    return Get(rpc, *request, "", *reply);
  }
  grpc::Status DeleteApiToken(grpc::ServerContext* rpc, const v1::DeleteApiTokenRequest* request,
                              v1::DeleteApiTokenResponse*) override {
    return Delete(rpc, *request, "");
  }
  grpc::Status CreatePartnerApiToken(grpc::ServerContext* rpc,
                                     const v1::CreateApiTokenRequest* request,
                                     v1::ApiToken* reply) override {
    return Create(rpc, *request, "partners/*", *reply);
  }
  grpc::Status ListPartnerApiTokens(grpc::ServerContext* rpc,
                                    const v1::ListApiTokensRequest* request,
                                    v1::ListApiTokensResponse* reply) override {
    return List(rpc, *request, "partners/*", *reply);
  }
  grpc::Status GetPartnerApiToken(grpc::ServerContext* rpc, const v1::GetApiTokenRequest* request,
                                  v1::ApiToken* reply) override {
    return Get(rpc, *request, "partners/*", *reply);
  }
  grpc::Status DeletePartnerApiToken(grpc::ServerContext* rpc,
                                     const v1::DeleteApiTokenRequest* request,
                                     v1::DeleteApiTokenResponse*) override {
    return Delete(rpc, *request, "partners/*");
  }
  grpc::Status CreateTenantApiToken(grpc::ServerContext* rpc,
                                    const v1::CreateApiTokenRequest* request,
                                    v1::ApiToken* reply) override {
    return Create(rpc, *request, "tenants/*", *reply);
  }
  grpc::Status ListTenantApiTokens(grpc::ServerContext* rpc,
                                   const v1::ListApiTokensRequest* request,
                                   v1::ListApiTokensResponse* reply) override {
    return List(rpc, *request, "tenants/*", *reply);
  }
  grpc::Status GetTenantApiToken(grpc::ServerContext* rpc, const v1::GetApiTokenRequest* request,
                                 v1::ApiToken* reply) override {
    return Get(rpc, *request, "tenants/*", *reply);
  }
  grpc::Status DeleteTenantApiToken(grpc::ServerContext* rpc,
                                    const v1::DeleteApiTokenRequest* request,
                                    v1::DeleteApiTokenResponse*) override {
    return Delete(rpc, *request, "tenants/*");
  }

 private:
  // `pattern` is what the parent looks like: empty, `partners/*`, `tenants/*`.
  grpc::Status Create(grpc::ServerContext* rpc, const v1::CreateApiTokenRequest& request,
                      std::string_view pattern, v1::ApiToken& reply);
  grpc::Status List(grpc::ServerContext* rpc, const v1::ListApiTokensRequest& request,
                    std::string_view pattern, v1::ListApiTokensResponse& reply);
  grpc::Status Get(grpc::ServerContext* rpc, const v1::GetApiTokenRequest& request,
                   std::string_view pattern, v1::ApiToken& reply);
  grpc::Status Delete(grpc::ServerContext* rpc, const v1::DeleteApiTokenRequest& request,
                      std::string_view pattern);

  Tokens& tokens_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::portal
