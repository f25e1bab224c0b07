#include "services/provisioning/api.h"

#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::provisioning {
namespace {

using authz::Permission;
using rpc::Answer;
using rpc::Caller;

// The tenant a resource name begins with, for the check; a name of another shape is refused by the
// domain class, so it counts as the whole installation.
std::string TenantOf(std::string_view name) {
  constexpr std::string_view kPrefix = "tenants/";
  if (!name.starts_with(kPrefix)) return std::string(authz::kWholeInstallation);
  const std::string_view rest = name.substr(kPrefix.size());
  return std::string(rest.substr(0, rest.find('/')));
}

// What a list request asks for.
struct Listing {
  std::string tenant;  // empty: all
  std::string after;
  int32_t limit = 0;
};

template <class Request>
absl::StatusOr<Listing> ToListing(const Request& request) {
  Listing listing;
  if constexpr (requires { request.parent(); }) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request.parent()));
    if (parts[0] != "-") listing.tenant = parts[0];
  }
  CLEANMAIL_ASSIGN_OR_RETURN(listing.after, rpc::resource::FromPageToken(request.page_token()));
  CLEANMAIL_ASSIGN_OR_RETURN(listing.limit, rpc::resource::PageSize(request.page_size()));
  return listing;
}

std::string_view CheckedTenant(const Listing& listing) {
  return listing.tenant.empty() ? authz::kWholeInstallation : listing.tenant;
}

// Moves a page into a response's repeated field.
template <class T, class Field, class Response>
absl::Status Fill(absl::StatusOr<Page<T>> page, Field* field, Response* response) {
  CLEANMAIL_RETURN_IF_ERROR(page.status());
  for (T& item : page->items) *field->Add() = std::move(item);
  response->set_next_page_token(rpc::resource::ToPageToken(page->next_key));
  return absl::OkStatus();
}

template <class T>
absl::Status Give(absl::StatusOr<T> made, T* reply) {
  CLEANMAIL_RETURN_IF_ERROR(made.status());
  *reply = *std::move(made);
  return absl::OkStatus();
}

}  // namespace

grpc::Status Api::CreateTenant(grpc::ServerContext* rpc, const v1::CreateTenantRequest* request,
                               v1::Tenant* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->tenant().name();
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kWriteTenants, TenantOf(name), name));
    return Give(accounts_.CreateTenant(request->tenant()), reply);
  });
}

grpc::Status Api::ListTenants(grpc::ServerContext* rpc, const v1::ListTenantsRequest* request,
                              v1::ListTenantsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(*request));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadTenants, authz::kWholeInstallation));
    return Fill(accounts_.ListTenants(listing.after, listing.limit), reply->mutable_tenants(),
                reply);
  });
}

grpc::Status Api::DeleteTenant(grpc::ServerContext* rpc, const v1::DeleteTenantRequest* request,
                               v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteTenants,
                                           TenantOf(request->name()), request->name()));
    return accounts_.DeleteTenant(request->name());
  });
}

grpc::Status Api::CreateDomain(grpc::ServerContext* rpc, const v1::CreateDomainRequest* request,
                               v1::Domain* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->domain().name();
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kWriteDomains, TenantOf(name), name));
    return Give(accounts_.CreateDomain(request->domain()), reply);
  });
}

grpc::Status Api::ListDomains(grpc::ServerContext* rpc, const v1::ListDomainsRequest* request,
                              v1::ListDomainsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(*request));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadDomains, CheckedTenant(listing)));
    return Fill(accounts_.ListDomains(listing.tenant, listing.after, listing.limit),
                reply->mutable_domains(), reply);
  });
}

grpc::Status Api::DeleteDomain(grpc::ServerContext* rpc, const v1::DeleteDomainRequest* request,
                               v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteDomains,
                                           TenantOf(request->name()), request->name()));
    return accounts_.DeleteDomain(request->name());
  });
}

grpc::Status Api::CreateUser(grpc::ServerContext* rpc, const v1::CreateUserRequest* request,
                             v1::User* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->user().name();
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteUsers, TenantOf(name), name));
    return Give(accounts_.CreateUser(request->user()), reply);
  });
}

grpc::Status Api::ListUsers(grpc::ServerContext* rpc, const v1::ListUsersRequest* request,
                            v1::ListUsersResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(*request));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kReadUsers, CheckedTenant(listing)));
    return Fill(accounts_.ListUsers(listing.tenant, listing.after, listing.limit),
                reply->mutable_users(), reply);
  });
}

grpc::Status Api::DeleteUser(grpc::ServerContext* rpc, const v1::DeleteUserRequest* request,
                             v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kWriteUsers, TenantOf(request->name()), request->name()));
    return accounts_.DeleteUser(request->name());
  });
}

grpc::Status Api::CreateRoute(grpc::ServerContext* rpc, const v1::CreateRouteRequest* request,
                              v1::Route* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->route().name();
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteRoutes, TenantOf(name), name));
    return Give(accounts_.CreateRoute(request->route()), reply);
  });
}

grpc::Status Api::ListRoutes(grpc::ServerContext* rpc, const v1::ListRoutesRequest* request,
                             v1::ListRoutesResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(*request));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadRoutes, CheckedTenant(listing)));
    return Fill(accounts_.ListRoutes(listing.tenant, listing.after, listing.limit),
                reply->mutable_routes(), reply);
  });
}

grpc::Status Api::DeleteRoute(grpc::ServerContext* rpc, const v1::DeleteRouteRequest* request,
                              v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kWriteRoutes, TenantOf(request->name()), request->name()));
    return accounts_.DeleteRoute(request->name());
  });
}

grpc::Status Api::Snapshot(grpc::ServerContext* rpc, const v1::SnapshotRequest* request,
                           v1::SnapshotResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadDirectory, authz::kWholeInstallation));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string key,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(SnapshotPage page, accounts_.Snapshot(key));
    for (v1::Tenant& tenant : page.tenants) *reply->add_tenants() = std::move(tenant);
    for (v1::Domain& domain : page.domains) *reply->add_domains() = std::move(domain);
    for (v1::User& user : page.users) *reply->add_users() = std::move(user);
    for (v1::Route& route : page.routes) *reply->add_routes() = std::move(route);
    reply->set_position(page.position);
    reply->set_next_page_token(rpc::resource::ToPageToken(page.next_key));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetTenantKey(grpc::ServerContext* rpc, const v1::GetTenantKeyRequest* request,
                               v1::GetTenantKeyResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kReadKeys, request->tenant()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply->mutable_key(), accounts_.TenantKey(request->tenant()));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::provisioning
