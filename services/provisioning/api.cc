#include "services/provisioning/api.h"

#include <set>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/provisioning/import/export.h"
#include "services/provisioning/kinds.h"
#include "services/provisioning/listing.h"
#include "services/provisioning/mx_check.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning {
namespace {

using authz::Permission;
using authz::Target;
using rpc::Answer;
using rpc::Caller;

constexpr absl::Duration kMxPatience = absl::Seconds(5);
constexpr absl::Duration kTenantPatience = absl::Seconds(2);
constexpr absl::Duration kTenantLook = absl::Milliseconds(5);
constexpr int32_t kExportPage = 1000;

// What is needed to read, make and change a kind.
struct Permissions {
  Permission read;
  Permission write;
  Permission update;
};
template <class T>
constexpr Permissions PermissionsFor() {
  switch (KindOfResource<T>::kKind) {
    case Kind::kPartner:
      return {Permission::kReadPartners, Permission::kWritePartners, Permission::kWritePartners};
    case Kind::kTenant:
      return {Permission::kReadTenants, Permission::kWriteTenants, Permission::kUpdateTenants};
    case Kind::kDomain:
      return {Permission::kReadDomains, Permission::kWriteDomains, Permission::kWriteDomains};
    case Kind::kGroup:
      return {Permission::kReadGroups, Permission::kWriteGroups, Permission::kWriteGroups};
    case Kind::kRoute:
      return {Permission::kReadRoutes, Permission::kWriteRoutes, Permission::kWriteRoutes};
    case Kind::kUser:
    case Kind::kObserved:
      return {Permission::kReadUsers, Permission::kWriteUsers, Permission::kWriteUsers};
  }
  return {Permission::kReadKeys, Permission::kReadKeys, Permission::kReadKeys};
}

// What a resource of the name `name`, in its normal form, belongs to.
template <class T>
Target TargetOf(std::string_view name) {
  const std::string_view id = IdOf(name);
  switch (KindOfResource<T>::kKind) {
    case Kind::kPartner:
      return {.partner = id, .resource = name};
    case Kind::kTenant:
    case Kind::kGroup:
      return {.tenant = TenantOf(name), .resource = name};
    case Kind::kDomain:
    case Kind::kRoute:
      return {.tenant = TenantOf(name), .domain = id, .resource = name};
    case Kind::kUser:
      return {.tenant = TenantOf(name), .user = id, .resource = name};
    case Kind::kObserved:
      return {.tenant = TenantOf(name), .domain = DomainOf(id), .resource = name};
  }
  return {};
}

// The name in its normal form, before anything is asked of it.
template <class T>
absl::StatusOr<std::string> NameOf(std::string_view name) {
  return NormalName(KindOfResource<T>::kPattern, name);
}

std::string ReviewMark(v1::ObservedAddress::Review review) {
  if (review == v1::ObservedAddress::REVIEW_UNSPECIFIED) return {};
  return v1::ObservedAddress::Review_Name(review);
}

absl::Status CheckParent(std::string_view parent, std::string_view name) {
  if (parent.empty() || name.starts_with(base::Cat(parent, "/"))) return absl::OkStatus();
  return Wrong("name", "does not lie in the parent");
}

template <class T>
absl::Status Allow(const T&, const T&) {
  return absl::OkStatus();
}

}  // namespace

absl::Status Api::MayChange(const Caller& caller, const v1::Tenant& before,
                            const v1::Tenant& after) {
  const bool networks =
      !std::equal(before.sending_networks().begin(), before.sending_networks().end(),
                  after.sending_networks().begin(), after.sending_networks().end());
  // Networks are trusted to send in the tenant's name: not his own word alone.
  if (networks) {
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kWriteTenants, TargetOf<v1::Tenant>(after.name())));
  }
  if (before.partner() == after.partner()) return absl::OkStatus();
  return parts_.authz.Check(caller, Permission::kWritePartners,
                            Target{.partner = IdOf(after.partner()), .resource = after.name()});
}

// Relays are believed about who sent a message, against what the operator enforces (SPF): not the
// tenant's own word alone.
absl::Status Api::MayChange(const Caller& caller, const v1::Domain& before,
                            const v1::Domain& after) {
  if (std::equal(before.trusted_relays().begin(), before.trusted_relays().end(),
                 after.trusted_relays().begin(), after.trusted_relays().end()))
    return absl::OkStatus();
  const std::string tenant = base::Cat("tenants/", TenantOf(after.name()));
  return parts_.authz.Check(caller, Permission::kWriteTenants, TargetOf<v1::Tenant>(tenant));
}

absl::Status Api::MayChange(const Caller& caller, const v1::User& before, const v1::User& after) {
  // Addresses that come or go must lie in domains that are the caller's.
  const std::set<std::string> old(before.aliases().begin(), before.aliases().end());
  const std::set<std::string> now(after.aliases().begin(), after.aliases().end());
  std::vector<std::string> moved;
  std::ranges::set_symmetric_difference(old, now, std::back_inserter(moved));
  for (const std::string& alias : moved) {
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWriteUsers,
                                                 Target{.tenant = TenantOf(after.name()),
                                                        .domain = DomainOf(alias),
                                                        .resource = after.name()}));
  }
  return absl::OkStatus();
}

void Api::AwaitTenant(std::string_view tenant, std::string_view partner) {
  const absl::Time until = absl::Now() + kTenantPatience;
  while (parts_.directory.PartnerOf(tenant) != partner && absl::Now() < until)
    absl::SleepFor(kTenantLook);
}

template <class T>
absl::Status Api::Create(const Caller& caller, T resource, std::string_view parent, T& reply) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<T>(resource.name()));
  Target target = TargetOf<T>(name);
  if constexpr (std::is_same_v<T, v1::Tenant>) {
    if (caller.role == rpc::Role::kPartner && resource.partner().empty())
      resource.set_partner(base::Cat("partners/", caller.partner));
    target = {.partner = IdOf(resource.partner()), .resource = name};
  }
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, PermissionsFor<T>().write, target));
  CLEANMAIL_RETURN_IF_ERROR(CheckParent(parent, name));
  if constexpr (std::is_same_v<T, v1::User> || std::is_same_v<T, v1::Domain>) {
    T wanted = resource;
    CLEANMAIL_RETURN_IF_ERROR(Normalize(wanted));
    CLEANMAIL_RETURN_IF_ERROR(MayChange(caller, T(), wanted));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(reply, parts_.accounts.Create(std::move(resource)));
  parts_.authz.Changed(caller, PermissionsFor<T>().write, TargetOf<T>(name), nullptr, &reply);
  if constexpr (std::is_same_v<T, v1::Tenant>) {
    if (caller.role == rpc::Role::kPartner) AwaitTenant(TenantOf(name), caller.partner);
  }
  return absl::OkStatus();
}

template <class T>
absl::Status Api::Get(const Caller& caller, std::string_view asked, T& reply) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<T>(asked));
  Target target = TargetOf<T>(name);
  // Whoever belongs to a tenant may read what it is called.
  if constexpr (std::is_same_v<T, v1::Tenant>) target.filtered = true;
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, PermissionsFor<T>().read, target));
  CLEANMAIL_ASSIGN_OR_RETURN(reply, parts_.accounts.Get<T>(name));
  return absl::OkStatus();
}

template <class T>
absl::Status Api::Update(const Caller& caller, const T& resource,
                         const google::protobuf::FieldMask& mask, T& reply) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<T>(resource.name()));
  const Target target = TargetOf<T>(name);
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, PermissionsFor<T>().update, target));
  const auto guard = [&](const T& before, const T& after) {
    return MayChange(caller, before, after);
  };
  CLEANMAIL_ASSIGN_OR_RETURN(Changed<T> changed, parts_.accounts.Update<T>(resource, mask, guard));
  parts_.authz.Changed(caller, PermissionsFor<T>().update, target, &changed.before, &changed.after);
  reply = std::move(changed.after);
  return absl::OkStatus();
}

template <class T>
absl::Status Api::Delete(const Caller& caller, std::string_view asked, std::string_view etag) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<T>(asked));
  const Target target = TargetOf<T>(name);
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, PermissionsFor<T>().write, target));
  if constexpr (std::is_same_v<T, v1::User>) {
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::User before, parts_.accounts.Get<v1::User>(name));
    v1::User nothing;
    nothing.set_name(name);
    CLEANMAIL_RETURN_IF_ERROR(MayChange(caller, before, nothing));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const T before, parts_.accounts.Delete<T>(name, etag));
  parts_.authz.Changed(caller, PermissionsFor<T>().write, target, &before, nullptr);
  return absl::OkStatus();
}

template <class T, class Request, class Field, class Reply>
absl::Status Api::List(const Caller& caller, const Request& request, Narrowing narrowing,
                       Field* field, Reply& reply) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(request));
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
      caller, PermissionsFor<T>().read,
      Target{.tenant = listing.tenant, .resource = listing.parent, .filtered = true}));
  if (!Narrow<T>(caller, listing, narrowing)) return absl::OkStatus();  // nothing is his
  CLEANMAIL_ASSIGN_OR_RETURN(Page<T> page,
                             parts_.accounts.List<T>(narrowing, listing.after, listing.limit));
  for (T& item : page.items) *field->Add() = std::move(item);
  reply.set_next_page_token(rpc::resource::ToPageToken(page.next_key));
  return absl::OkStatus();
}

grpc::Status Api::CreatePartner(grpc::ServerContext* rpc, const v1::CreatePartnerRequest* request,
                                v1::Partner* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::Partner>(caller, request->partner(), "", *reply);
  });
}
grpc::Status Api::GetPartner(grpc::ServerContext* rpc, const v1::GetPartnerRequest* request,
                             v1::Partner* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::Partner>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdatePartner(grpc::ServerContext* rpc, const v1::UpdatePartnerRequest* request,
                                v1::Partner* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::Partner>(caller, request->partner(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListPartners(grpc::ServerContext* rpc, const v1::ListPartnersRequest* request,
                               v1::ListPartnersResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::Partner>(caller, *request, {}, reply->mutable_partners(), *reply);
  });
}
grpc::Status Api::DeletePartner(grpc::ServerContext* rpc, const v1::DeletePartnerRequest* request,
                                v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::Partner>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateTenant(grpc::ServerContext* rpc, const v1::CreateTenantRequest* request,
                               v1::Tenant* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::Tenant>(caller, request->tenant(), "", *reply);
  });
}
grpc::Status Api::GetTenant(grpc::ServerContext* rpc, const v1::GetTenantRequest* request,
                            v1::Tenant* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::Tenant>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdateTenant(grpc::ServerContext* rpc, const v1::UpdateTenantRequest* request,
                               v1::Tenant* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::Tenant>(caller, request->tenant(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListTenants(grpc::ServerContext* rpc, const v1::ListTenantsRequest* request,
                              v1::ListTenantsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::Tenant>(caller, *request, {}, reply->mutable_tenants(), *reply);
  });
}
grpc::Status Api::DeleteTenant(grpc::ServerContext* rpc, const v1::DeleteTenantRequest* request,
                               v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::Tenant>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateDomain(grpc::ServerContext* rpc, const v1::CreateDomainRequest* request,
                               v1::Domain* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::Domain>(caller, request->domain(), request->parent(), *reply);
  });
}
grpc::Status Api::GetDomain(grpc::ServerContext* rpc, const v1::GetDomainRequest* request,
                            v1::Domain* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::Domain>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdateDomain(grpc::ServerContext* rpc, const v1::UpdateDomainRequest* request,
                               v1::Domain* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::Domain>(caller, request->domain(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListDomains(grpc::ServerContext* rpc, const v1::ListDomainsRequest* request,
                              v1::ListDomainsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::Domain>(caller, *request, {}, reply->mutable_domains(), *reply);
  });
}
grpc::Status Api::DeleteDomain(grpc::ServerContext* rpc, const v1::DeleteDomainRequest* request,
                               v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::Domain>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateUser(grpc::ServerContext* rpc, const v1::CreateUserRequest* request,
                             v1::User* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::User>(caller, request->user(), request->parent(), *reply);
  });
}
grpc::Status Api::GetUser(grpc::ServerContext* rpc, const v1::GetUserRequest* request,
                          v1::User* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::User>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdateUser(grpc::ServerContext* rpc, const v1::UpdateUserRequest* request,
                             v1::User* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::User>(caller, request->user(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListUsers(grpc::ServerContext* rpc, const v1::ListUsersRequest* request,
                            v1::ListUsersResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::User>(caller, *request, {.search = request->search()}, reply->mutable_users(),
                          *reply);
  });
}
grpc::Status Api::DeleteUser(grpc::ServerContext* rpc, const v1::DeleteUserRequest* request,
                             v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::User>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateGroup(grpc::ServerContext* rpc, const v1::CreateGroupRequest* request,
                              v1::Group* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::Group>(caller, request->group(), request->parent(), *reply);
  });
}
grpc::Status Api::GetGroup(grpc::ServerContext* rpc, const v1::GetGroupRequest* request,
                           v1::Group* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::Group>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdateGroup(grpc::ServerContext* rpc, const v1::UpdateGroupRequest* request,
                              v1::Group* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::Group>(caller, request->group(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListGroups(grpc::ServerContext* rpc, const v1::ListGroupsRequest* request,
                             v1::ListGroupsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::Group>(caller, *request, {}, reply->mutable_groups(), *reply);
  });
}
grpc::Status Api::DeleteGroup(grpc::ServerContext* rpc, const v1::DeleteGroupRequest* request,
                              v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::Group>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateRoute(grpc::ServerContext* rpc, const v1::CreateRouteRequest* request,
                              v1::Route* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::Route>(caller, request->route(), request->parent(), *reply);
  });
}
grpc::Status Api::GetRoute(grpc::ServerContext* rpc, const v1::GetRouteRequest* request,
                           v1::Route* reply) {
  return Answer(
      rpc, [&](const Caller& caller) { return Get<v1::Route>(caller, request->name(), *reply); });
}
grpc::Status Api::UpdateRoute(grpc::ServerContext* rpc, const v1::UpdateRouteRequest* request,
                              v1::Route* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::Route>(caller, request->route(), request->update_mask(), *reply);
  });
}
grpc::Status Api::ListRoutes(grpc::ServerContext* rpc, const v1::ListRoutesRequest* request,
                             v1::ListRoutesResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::Route>(caller, *request, {}, reply->mutable_routes(), *reply);
  });
}
grpc::Status Api::DeleteRoute(grpc::ServerContext* rpc, const v1::DeleteRouteRequest* request,
                              v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::Route>(caller, request->name(), request->etag());
  });
}
grpc::Status Api::CreateObservedAddress(grpc::ServerContext* rpc,
                                        const v1::CreateObservedAddressRequest* request,
                                        v1::ObservedAddress* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Create<v1::ObservedAddress>(caller, request->observed_address(), request->parent(),
                                       *reply);
  });
}
grpc::Status Api::GetObservedAddress(grpc::ServerContext* rpc,
                                     const v1::GetObservedAddressRequest* request,
                                     v1::ObservedAddress* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Get<v1::ObservedAddress>(caller, request->name(), *reply);
  });
}
grpc::Status Api::UpdateObservedAddress(grpc::ServerContext* rpc,
                                        const v1::UpdateObservedAddressRequest* request,
                                        v1::ObservedAddress* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return Update<v1::ObservedAddress>(caller, request->observed_address(), request->update_mask(),
                                       *reply);
  });
}
grpc::Status Api::ListObservedAddresses(grpc::ServerContext* rpc,
                                        const v1::ListObservedAddressesRequest* request,
                                        v1::ListObservedAddressesResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    return List<v1::ObservedAddress>(caller, *request, {.mark = ReviewMark(request->review())},
                                     reply->mutable_observed_addresses(), *reply);
  });
}
grpc::Status Api::DeleteObservedAddress(grpc::ServerContext* rpc,
                                        const v1::DeleteObservedAddressRequest* request,
                                        v1::DeleteResponse*) {
  return Answer(rpc, [&](const Caller& caller) {
    return Delete<v1::ObservedAddress>(caller, request->name(), request->etag());
  });
}

grpc::Status Api::GoLive(grpc::ServerContext* rpc, const v1::GoLiveRequest* request,
                         v1::GoLiveResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string name, NameOf<v1::Domain>(request->name()));
    const Target target = TargetOf<v1::Domain>(name);
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWriteDomains, target));
    CLEANMAIL_ASSIGN_OR_RETURN(Accounts::Readiness readiness, parts_.accounts.LookAt(name));
    for (std::string& warning : readiness.warnings) reply->add_warnings(std::move(warning));
    if (!readiness.has_route) {
      std::string warning =
          WhyNoMx(parts_.resolver, IdOf(name), parts_.host_name, absl::Now() + kMxPatience);
      if (!warning.empty()) reply->add_warnings(std::move(warning));
    }
    *reply->mutable_domain() = readiness.domain;
    if (request->validate_only()) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(Changed<v1::Domain> changed, parts_.accounts.GoLive(name));
    parts_.authz.Changed(caller, Permission::kWriteDomains, target, &changed.before,
                         &changed.after);
    *reply->mutable_domain() = std::move(changed.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::ExportUsers(grpc::ServerContext* rpc, const v1::ExportUsersRequest* request,
                              v1::ExportUsersResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(*request));
    if (listing.tenant == authz::kWholeInstallation) return Wrong("parent", "one tenant is needed");
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kReadUsers,
        Target{.tenant = listing.tenant, .resource = listing.parent, .filtered = true}));
    Narrowing narrowing;
    if (!Narrow<v1::User>(caller, listing, narrowing)) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Page<v1::User> page,
        parts_.accounts.List<v1::User>(narrowing, listing.after, kExportPage));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::vector<std::string>> groups,
                               parts_.accounts.GroupsOf(page.items));
    if (listing.after.empty()) reply->set_content(import::HeaderLine());
    for (size_t i = 0; i < page.items.size(); ++i)
      *reply->mutable_content() += import::ToLine(page.items[i], groups[i]);
    reply->set_next_page_token(rpc::resource::ToPageToken(page.next_key));
    return absl::OkStatus();
  });
}

grpc::Status Api::KeepObservedAddress(grpc::ServerContext* rpc,
                                      const v1::KeepObservedAddressRequest* request,
                                      v1::ObservedAddress* reply) {
  return Answer(rpc, [&](const Caller& caller) {
    v1::ObservedAddress kept;
    kept.set_name(request->name());
    kept.set_review(v1::ObservedAddress::REVIEW_KEPT);
    return Update<v1::ObservedAddress>(caller, kept, {}, *reply);
  });
}

grpc::Status Api::MakeAlias(grpc::ServerContext* rpc, const v1::MakeAliasRequest* request,
                            v1::User* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string name,
                               NameOf<v1::ObservedAddress>(request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string user, NameOf<v1::User>(request->of()));
    const Target target = TargetOf<v1::User>(user);
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kWriteUsers, TargetOf<v1::ObservedAddress>(name)));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWriteUsers, target));
    CLEANMAIL_ASSIGN_OR_RETURN(Changed<v1::User> changed,
                               parts_.accounts.MakeAlias(name, user, Allow<v1::User>));
    parts_.authz.Changed(caller, Permission::kWriteUsers, target, &changed.before, &changed.after);
    *reply = std::move(changed.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::Snapshot(grpc::ServerContext* rpc, const v1::SnapshotRequest* request,
                           v1::SnapshotResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kReadDirectory, authz::kWholeInstallation));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string key,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(Snapshots::Part part, parts_.snapshots.Read(key));
    *reply = std::move(part.content);
    reply->set_next_page_token(rpc::resource::ToPageToken(part.next_key));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetTenantKey(grpc::ServerContext* rpc, const v1::GetTenantKeyRequest* request,
                               v1::GetTenantKeyResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kReadKeys, request->tenant()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply->mutable_key(),
                               parts_.snapshots.TenantKey(request->tenant()));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::provisioning
