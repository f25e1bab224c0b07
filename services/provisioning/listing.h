#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/caller.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/provisioning/kinds.h"

// What a list request asks for, and what of it the caller may see.
namespace cleanmail::provisioning {

struct Listing {
  std::string parent = {};
  std::string tenant = std::string(authz::kWholeInstallation);
  std::string after = {};
  int32_t limit = 0;
};

// From any list request. InvalidArgument.
template <class Request>
absl::StatusOr<Listing> ToListing(const Request& request) {
  Listing listing;
  if constexpr (requires { request.parent(); }) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request.parent()));
    listing.parent = request.parent();
    listing.tenant = parts[0];
  }
  if constexpr (requires { request.page_size(); }) {
    CLEANMAIL_ASSIGN_OR_RETURN(listing.limit, rpc::resource::PageSize(request.page_size()));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(listing.after, rpc::resource::FromPageToken(request.page_token()));
  return listing;
}

// Narrows a list of T to what the caller, who passed the check, may see; false: nothing.
template <class T>
bool Narrow(const rpc::Caller& caller, const Listing& listing, Narrowing& narrowing) {
  constexpr Kind kKind = KindOfResource<T>::kKind;
  if (listing.tenant != authz::kWholeInstallation) narrowing.tenant = listing.tenant;
  switch (caller.role) {
    case rpc::Role::kNone:
      return false;
    case rpc::Role::kService:
    case rpc::Role::kOperator:
      return true;
    case rpc::Role::kPartner: {
      if (caller.partner.empty()) return false;
      const std::string partner = base::Cat("partners/", caller.partner);
      if (kKind == Kind::kPartner) {
        narrowing.name = partner;
      } else {
        narrowing.partner = partner;
      }
      return true;
    }
    case rpc::Role::kTenant:
      if (kKind == Kind::kPartner || caller.tenant.empty()) return false;
      narrowing.tenant = caller.tenant;
      return true;
    case rpc::Role::kDomain:
      if (kKind == Kind::kPartner || caller.tenant.empty() || caller.domains.empty()) return false;
      narrowing.tenant = caller.tenant;
      if (kKind != Kind::kTenant) narrowing.domains = caller.domains;
      return true;
    case rpc::Role::kUser:
      if (caller.tenant.empty() || caller.user.empty()) return false;
      narrowing.tenant = caller.tenant;
      if (kKind == Kind::kTenant) return true;
      narrowing.name = base::Cat("tenants/", caller.tenant, "/users/", caller.user);
      return kKind == Kind::kUser;
  }
  return false;
}

}  // namespace cleanmail::provisioning
