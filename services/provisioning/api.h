#pragma once

#include "libs/authz/authorizer.h"
#include "libs/directory/directory.h"
#include "libs/dns/resolver.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"
#include "services/provisioning/accounts.h"
#include "services/provisioning/snapshots.h"

namespace cleanmail::provisioning {

// What the door needs beside the domain classes.
struct ApiParts {
  Accounts& accounts;
  Snapshots& snapshots;
  authz::Authorizer& authz;
  dns::Resolver& resolver;
  const directory::Directory& directory;
  std::string host_name;
};

// The gRPC door to who is who. Promises and errors of each method: provisioning.proto.
class Api final : public v1::ProvisioningService::Service {
 public:
  // All of `parts` outlives it.
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

  grpc::Status CreatePartner(grpc::ServerContext* rpc, const v1::CreatePartnerRequest* request,
                             v1::Partner* reply) override;
  grpc::Status GetPartner(grpc::ServerContext* rpc, const v1::GetPartnerRequest* request,
                          v1::Partner* reply) override;
  grpc::Status UpdatePartner(grpc::ServerContext* rpc, const v1::UpdatePartnerRequest* request,
                             v1::Partner* reply) override;
  grpc::Status ListPartners(grpc::ServerContext* rpc, const v1::ListPartnersRequest* request,
                            v1::ListPartnersResponse* reply) override;
  grpc::Status DeletePartner(grpc::ServerContext* rpc, const v1::DeletePartnerRequest* request,
                             v1::DeleteResponse* reply) override;
  grpc::Status CreateTenant(grpc::ServerContext* rpc, const v1::CreateTenantRequest* request,
                            v1::Tenant* reply) override;
  grpc::Status GetTenant(grpc::ServerContext* rpc, const v1::GetTenantRequest* request,
                         v1::Tenant* reply) override;
  grpc::Status UpdateTenant(grpc::ServerContext* rpc, const v1::UpdateTenantRequest* request,
                            v1::Tenant* reply) override;
  grpc::Status ListTenants(grpc::ServerContext* rpc, const v1::ListTenantsRequest* request,
                           v1::ListTenantsResponse* reply) override;
  grpc::Status DeleteTenant(grpc::ServerContext* rpc, const v1::DeleteTenantRequest* request,
                            v1::DeleteResponse* reply) override;
  grpc::Status CreateDomain(grpc::ServerContext* rpc, const v1::CreateDomainRequest* request,
                            v1::Domain* reply) override;
  grpc::Status GetDomain(grpc::ServerContext* rpc, const v1::GetDomainRequest* request,
                         v1::Domain* reply) override;
  grpc::Status UpdateDomain(grpc::ServerContext* rpc, const v1::UpdateDomainRequest* request,
                            v1::Domain* reply) override;
  grpc::Status ListDomains(grpc::ServerContext* rpc, const v1::ListDomainsRequest* request,
                           v1::ListDomainsResponse* reply) override;
  grpc::Status DeleteDomain(grpc::ServerContext* rpc, const v1::DeleteDomainRequest* request,
                            v1::DeleteResponse* reply) override;
  grpc::Status CreateUser(grpc::ServerContext* rpc, const v1::CreateUserRequest* request,
                          v1::User* reply) override;
  grpc::Status GetUser(grpc::ServerContext* rpc, const v1::GetUserRequest* request,
                       v1::User* reply) override;
  grpc::Status UpdateUser(grpc::ServerContext* rpc, const v1::UpdateUserRequest* request,
                          v1::User* reply) override;
  grpc::Status ListUsers(grpc::ServerContext* rpc, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* reply) override;
  grpc::Status DeleteUser(grpc::ServerContext* rpc, const v1::DeleteUserRequest* request,
                          v1::DeleteResponse* reply) override;
  grpc::Status CreateGroup(grpc::ServerContext* rpc, const v1::CreateGroupRequest* request,
                           v1::Group* reply) override;
  grpc::Status GetGroup(grpc::ServerContext* rpc, const v1::GetGroupRequest* request,
                        v1::Group* reply) override;
  grpc::Status UpdateGroup(grpc::ServerContext* rpc, const v1::UpdateGroupRequest* request,
                           v1::Group* reply) override;
  grpc::Status ListGroups(grpc::ServerContext* rpc, const v1::ListGroupsRequest* request,
                          v1::ListGroupsResponse* reply) override;
  grpc::Status DeleteGroup(grpc::ServerContext* rpc, const v1::DeleteGroupRequest* request,
                           v1::DeleteResponse* reply) override;
  grpc::Status CreateRoute(grpc::ServerContext* rpc, const v1::CreateRouteRequest* request,
                           v1::Route* reply) override;
  grpc::Status GetRoute(grpc::ServerContext* rpc, const v1::GetRouteRequest* request,
                        v1::Route* reply) override;
  grpc::Status UpdateRoute(grpc::ServerContext* rpc, const v1::UpdateRouteRequest* request,
                           v1::Route* reply) override;
  grpc::Status ListRoutes(grpc::ServerContext* rpc, const v1::ListRoutesRequest* request,
                          v1::ListRoutesResponse* reply) override;
  grpc::Status DeleteRoute(grpc::ServerContext* rpc, const v1::DeleteRouteRequest* request,
                           v1::DeleteResponse* reply) override;
  grpc::Status CreateObservedAddress(grpc::ServerContext* rpc,
                                     const v1::CreateObservedAddressRequest* request,
                                     v1::ObservedAddress* reply) override;
  grpc::Status GetObservedAddress(grpc::ServerContext* rpc,
                                  const v1::GetObservedAddressRequest* request,
                                  v1::ObservedAddress* reply) override;
  grpc::Status UpdateObservedAddress(grpc::ServerContext* rpc,
                                     const v1::UpdateObservedAddressRequest* request,
                                     v1::ObservedAddress* reply) override;
  grpc::Status ListObservedAddresses(grpc::ServerContext* rpc,
                                     const v1::ListObservedAddressesRequest* request,
                                     v1::ListObservedAddressesResponse* reply) override;
  grpc::Status DeleteObservedAddress(grpc::ServerContext* rpc,
                                     const v1::DeleteObservedAddressRequest* request,
                                     v1::DeleteResponse* reply) override;
  grpc::Status GoLive(grpc::ServerContext* rpc, const v1::GoLiveRequest* request,
                      v1::GoLiveResponse* reply) override;
  grpc::Status ExportUsers(grpc::ServerContext* rpc, const v1::ExportUsersRequest* request,
                           v1::ExportUsersResponse* reply) override;
  grpc::Status KeepObservedAddress(grpc::ServerContext* rpc,
                                   const v1::KeepObservedAddressRequest* request,
                                   v1::ObservedAddress* reply) override;
  grpc::Status MakeAlias(grpc::ServerContext* rpc, const v1::MakeAliasRequest* request,
                         v1::User* reply) override;
  grpc::Status Snapshot(grpc::ServerContext* rpc, const v1::SnapshotRequest* request,
                        v1::SnapshotResponse* reply) override;
  grpc::Status GetTenantKey(grpc::ServerContext* rpc, const v1::GetTenantKeyRequest* request,
                            v1::GetTenantKeyResponse* reply) override;

 private:
  template <class T>
  absl::Status Create(const rpc::Caller& caller, T resource, std::string_view parent, T& reply);
  template <class T>
  absl::Status Get(const rpc::Caller& caller, std::string_view name, T& reply);
  template <class T>
  absl::Status Update(const rpc::Caller& caller, const T& resource,
                      const google::protobuf::FieldMask& mask, T& reply);
  template <class T>
  absl::Status Delete(const rpc::Caller& caller, std::string_view name, std::string_view etag);
  template <class T, class Request, class Field, class Reply>
  absl::Status List(const rpc::Caller& caller, const Request& request, Narrowing narrowing,
                    Field* field, Reply& reply);
  // Whether the caller may make this change of a resource he may change.
  absl::Status MayChange(const rpc::Caller& caller, const v1::Tenant& before,
                         const v1::Tenant& after);
  absl::Status MayChange(const rpc::Caller& caller, const v1::Domain& before,
                         const v1::Domain& after);
  absl::Status MayChange(const rpc::Caller& caller, const v1::User& before, const v1::User& after);
  template <class T>
  absl::Status MayChange(const rpc::Caller&, const T&, const T&) {
    return absl::OkStatus();
  }
  // A partner may go on with his new tenant at once.
  void AwaitTenant(std::string_view tenant, std::string_view partner);

  const ApiParts parts_;
};

}  // namespace cleanmail::provisioning
