#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/database.h"

namespace cleanmail::provisioning {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// Which list a resource belongs to.
enum class Kind { kTenant, kDomain, kUser, kRoute };

// A resource as it is kept.
struct Resource {
  std::string name;
  Kind kind = Kind::kTenant;
  std::string tenant;
  std::string body;                 // JSON of its proto
  std::vector<std::string> claims;  // what nobody else may have
};

// What provisioning remembers. Thread-safe.
class Store {
 public:
  Store(sql::Database& database, outbox::Outbox& outbox) : database_(database), outbox_(outbox) {}

  // Adds a resource and the news of it, together. AlreadyExists names the resource or claim that is
  // taken; NotFound when `parent` (may be empty) does not exist.
  absl::Status Insert(const Resource& resource, std::string_view parent, const bus::Record& news);
  // Removes a resource and tells the news, together. NotFound; FailedPrecondition when a resource
  // of the tenant depends on it
  // (`has_children` is asked inside the transaction).
  absl::Status Delete(std::string_view name,
                      absl::FunctionRef<absl::Status(sql::Session&)> may_delete,
                      const bus::Record& news);

  absl::StatusOr<Resource> Get(std::string_view name);
  // Resources of a kind in order of name, after `after`; of one tenant, or of all when `tenant` is
  // empty.
  absl::StatusOr<std::vector<Resource>> List(Kind kind, std::string_view tenant,
                                             std::string_view after, int64_t limit);
  // Resources of every kind in order of kind, then name, after (`kind`, `after`).
  absl::StatusOr<std::vector<Resource>> ListAll(Kind kind, std::string_view after, int64_t limit);

  // Resources of a tenant other than itself.
  static absl::StatusOr<int64_t> CountOfTenant(sql::Session& session, std::string_view tenant);
  // Addresses and routes of a tenant that lie in a domain.
  static absl::StatusOr<int64_t> CountOfDomain(sql::Session& session, std::string_view tenant,
                                               std::string_view domain);
  static absl::Status DeleteKey(sql::Session& session, std::string_view tenant);

  // The wrapped key of a tenant, kept with `candidate` if there was none yet. NotFound for an
  // unknown tenant.
  absl::StatusOr<std::string> WrappedKey(std::string_view tenant, std::string_view candidate);

 private:
  sql::Database& database_;
  outbox::Outbox& outbox_;
};

}  // namespace cleanmail::provisioning
