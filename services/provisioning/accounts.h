#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "libs/net/destination_policy.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {

// A page of a list and where the next one begins (empty: nowhere).
template <class T>
struct Page {
  std::vector<T> items;
  std::string next_key;
};

// A resource that was changed.
template <class T>
struct Changed {
  T before;
  T after;
};

// Who is who: keeps partners, tenants, domains, users, groups, routes and observed addresses
// consistent and tells the news of every change. T is any of these. Thread-safe. Errors as in
// provisioning.proto; resources are returned in their normal form, with their etag.
class Accounts {
 public:
  // All outlive it.
  Accounts(Store& store, const net::DestinationPolicy& destinations)
      : store_(store), destinations_(destinations) {}

  template <class T>
  absl::StatusOr<T> Create(T resource);
  template <class T>
  absl::StatusOr<T> Get(std::string_view name);
  // Whether a change may be made, asked before it is: its status is the answer if it is not OK.
  template <class T>
  using Guard = absl::FunctionRef<absl::Status(const T& before, const T& after)>;
  // Changes what `mask` names of the resource of that name; no mask: what is set in `resource`.
  template <class T>
  absl::StatusOr<Changed<T>> Update(T resource, const google::protobuf::FieldMask& mask,
                                    Guard<T> guard);
  // Returns what there was. `etag` may be empty.
  template <class T>
  absl::StatusOr<T> Delete(std::string_view name, std::string_view etag);
  template <class T>
  absl::StatusOr<Page<T>> List(const Narrowing& narrowing, std::string_view after, int32_t limit);

  // Ids of the groups each of the users is in.
  absl::StatusOr<std::vector<std::vector<std::string>>> GroupsOf(
      const std::vector<v1::User>& users);

  absl::StatusOr<Changed<v1::Domain>> GoLive(std::string_view name);
  // Sentences about what would keep mail for a domain from arriving, as far as the tables say.
  // `has_route` is set when there is one.
  struct Readiness {
    v1::Domain domain;
    bool has_route = false;
    std::vector<std::string> warnings;
  };
  absl::StatusOr<Readiness> LookAt(std::string_view domain_name);

  // Makes an observed address an alias of a user of the same tenant.
  absl::StatusOr<Changed<v1::User>> MakeAlias(std::string_view observed, std::string_view user,
                                              Guard<v1::User> guard);

 private:
  template <class T>
  absl::Status Normal(T& resource) const;
  Store& store_;
  const net::DestinationPolicy& destinations_;
};

}  // namespace cleanmail::provisioning
