#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {

// A page of a list and where the next one begins (empty: nowhere).
template <class T>
struct Page {
  std::vector<T> items;
  std::string next_key;
};

// A page of everything, to follow from.
struct SnapshotPage {
  std::vector<v1::Tenant> tenants;
  std::vector<v1::Domain> domains;
  std::vector<v1::User> users;
  std::vector<v1::Route> routes;
  int64_t position = 0;
  std::string next_key;
};

// Who is who: keeps tenants, domains, users and routes consistent and tells the news of every
// change. Thread-safe.
class Accounts {
 public:
  // `master_key` wraps the tenants' keys.
  Accounts(Store& store, bus::Bus& bus, base::Random& random, std::string master_key)
      : store_(store), bus_(bus), random_(random), master_key_(std::move(master_key)) {}

  // Each Create returns the resource in its normal form. Errors as in provisioning.proto.
  absl::StatusOr<v1::Tenant> CreateTenant(v1::Tenant tenant);
  absl::StatusOr<v1::Domain> CreateDomain(v1::Domain domain);
  absl::StatusOr<v1::User> CreateUser(v1::User user);
  absl::StatusOr<v1::Route> CreateRoute(v1::Route route);

  absl::Status DeleteTenant(std::string_view name);
  absl::Status DeleteDomain(std::string_view name);
  absl::Status DeleteUser(std::string_view name);
  absl::Status DeleteRoute(std::string_view name);

  // `tenant` empty: of all tenants.
  absl::StatusOr<Page<v1::Tenant>> ListTenants(std::string_view after, int32_t limit);
  absl::StatusOr<Page<v1::Domain>> ListDomains(std::string_view tenant, std::string_view after,
                                               int32_t limit);
  absl::StatusOr<Page<v1::User>> ListUsers(std::string_view tenant, std::string_view after,
                                           int32_t limit);
  absl::StatusOr<Page<v1::Route>> ListRoutes(std::string_view tenant, std::string_view after,
                                             int32_t limit);

  // One page of everything; `key` empty for the first.
  absl::StatusOr<SnapshotPage> Snapshot(std::string_view key);

  // The key a tenant's bodies are sealed under: 32 bytes, made on first use. NotFound for an
  // unknown tenant.
  absl::StatusOr<std::string> TenantKey(std::string_view tenant);

 private:
  Store& store_;
  bus::Bus& bus_;
  base::Random& random_;
  const std::string master_key_;
};

}  // namespace cleanmail::provisioning
