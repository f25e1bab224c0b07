#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"
#include "services/provisioning/accounts.h"

namespace cleanmail::provisioning {

// The gRPC door. Promises and errors of each method: provisioning.proto.
class Api final : public v1::ProvisioningService::Service {
 public:
  Api(Accounts& accounts, authz::Authorizer& authz) : accounts_(accounts), authz_(authz) {}

  grpc::Status CreateTenant(grpc::ServerContext*, const v1::CreateTenantRequest*,
                            v1::Tenant*) override;
  grpc::Status ListTenants(grpc::ServerContext*, const v1::ListTenantsRequest*,
                           v1::ListTenantsResponse*) override;
  grpc::Status DeleteTenant(grpc::ServerContext*, const v1::DeleteTenantRequest*,
                            v1::DeleteResponse*) override;
  grpc::Status CreateDomain(grpc::ServerContext*, const v1::CreateDomainRequest*,
                            v1::Domain*) override;
  grpc::Status ListDomains(grpc::ServerContext*, const v1::ListDomainsRequest*,
                           v1::ListDomainsResponse*) override;
  grpc::Status DeleteDomain(grpc::ServerContext*, const v1::DeleteDomainRequest*,
                            v1::DeleteResponse*) override;
  grpc::Status CreateUser(grpc::ServerContext*, const v1::CreateUserRequest*, v1::User*) override;
  grpc::Status ListUsers(grpc::ServerContext*, const v1::ListUsersRequest*,
                         v1::ListUsersResponse*) override;
  grpc::Status DeleteUser(grpc::ServerContext*, const v1::DeleteUserRequest*,
                          v1::DeleteResponse*) override;
  grpc::Status CreateRoute(grpc::ServerContext*, const v1::CreateRouteRequest*,
                           v1::Route*) override;
  grpc::Status ListRoutes(grpc::ServerContext*, const v1::ListRoutesRequest*,
                          v1::ListRoutesResponse*) override;
  grpc::Status DeleteRoute(grpc::ServerContext*, const v1::DeleteRouteRequest*,
                           v1::DeleteResponse*) override;
  grpc::Status Snapshot(grpc::ServerContext*, const v1::SnapshotRequest*,
                        v1::SnapshotResponse*) override;
  grpc::Status GetTenantKey(grpc::ServerContext*, const v1::GetTenantKeyRequest*,
                            v1::GetTenantKeyResponse*) override;

 private:
  Accounts& accounts_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::provisioning
