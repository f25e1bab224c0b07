#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/net/destination_policy.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"

// What a resource must be like by itself, whatever else there is: pure.
namespace cleanmail::provisioning {

// A name in its parts, each in its normal form (ids as they are, domains in A-labels, addresses in
// lower case): what a request's name means. InvalidArgument with the field `name`.
absl::StatusOr<std::string> NormalName(std::string_view pattern, std::string_view name);

// `address` in the form it is looked up by: local part in lower case, domain in A-labels.
// InvalidArgument naming `field`.
absl::StatusOr<std::string> NormalAddress(std::string_view field, std::string_view address);
absl::StatusOr<std::string> NormalDomain(std::string_view field, std::string_view domain);
std::string_view DomainOf(std::string_view address);

// Parts of a normal name.
std::string_view TenantOf(std::string_view name);  // empty for a partner
std::string_view IdOf(std::string_view name);      // the last

// Puts a resource into its normal form; name and references too. InvalidArgument naming the field,
// which travels with the status (rpc::FieldOf).
absl::Status Normalize(v1::Partner& partner);
absl::Status Normalize(v1::Tenant& tenant);
absl::Status Normalize(v1::Domain& domain);
absl::Status Normalize(v1::User& user);
absl::Status Normalize(v1::Group& group);
absl::Status Normalize(v1::ObservedAddress& observed);
absl::Status Normalize(v1::Route& route);
// Destinations that are addresses are checked at once; names when they are resolved.
absl::Status CheckDestinations(const v1::Route& route, const net::DestinationPolicy& policy);

// InvalidArgument whose message begins with the field, which travels with it.
absl::Status Wrong(std::string_view field, std::string_view why);

}  // namespace cleanmail::provisioning
