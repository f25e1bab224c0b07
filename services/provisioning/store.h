#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/database.h"

namespace cleanmail::provisioning {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// Which list a resource belongs to.
enum class Kind { kPartner, kTenant, kDomain, kUser, kGroup, kRoute, kObserved };

// What only one resource may have.
struct Claim {
  std::string what = {};    // "domain/example.org", "address/ann@example.org"
  std::string domain = {};  // of an address
};

// A resource as it is kept. What each field is for: migrations/0001_directory.sql.
struct Resource {
  std::string name = {};
  Kind kind = Kind::kTenant;
  std::string tenant = {};
  std::string domain = {};
  std::string mark = {};
  std::string words = {};
  std::string body = {};  // JSON of its proto
  std::vector<Claim> claims = {};
};

// What a list is narrowed to; what is empty does not narrow.
struct Narrowing {
  std::string tenant = {};
  std::string partner = {};  // resource name: only tenants of this partner, and what is theirs
  std::vector<std::string> domains = {};
  std::string mark = {};
  std::string search = {};
  std::string name = {};  // this very resource
};

// What is done together: all of it and the news of it, or nothing.
class Transaction {
 public:
  Transaction(sql::Session& session, outbox::Outbox& outbox) : session_(session), outbox_(outbox) {}

  // Without its claims.
  absl::StatusOr<std::optional<Resource>> Find(std::string_view name);
  absl::StatusOr<bool> Exists(std::string_view name);
  // Name of the resource that has a claim; empty: free.
  absl::StatusOr<std::string> OwnerOf(std::string_view claim);
  // Writes the resource over what there was of that name. AlreadyExists: a claim is somebody
  // else's; the transaction must then be given up.
  absl::Status Put(const Resource& resource, bool exists, const bus::Record& news);
  absl::Status Remove(std::string_view name, const bus::Record& news);

  absl::StatusOr<int64_t> CountOfPartner(std::string_view partner);
  // Resources of a tenant other than itself.
  absl::StatusOr<int64_t> CountOfTenant(std::string_view tenant);
  // Addresses, routes and alias domains that need a domain.
  absl::StatusOr<int64_t> CountOfDomain(std::string_view domain);
  absl::StatusOr<int64_t> CountOfAliasDomains(std::string_view domain);
  // Addresses alone.
  absl::StatusOr<int64_t> CountOfAddresses(std::string_view domain);

  absl::Status SetMembers(std::string_view group, const std::vector<std::string>& users);
  // Names of the groups a user is in, in order.
  absl::StatusOr<std::vector<std::string>> GroupsOf(std::string_view user);

  absl::Status DeleteKey(std::string_view tenant);

  // For the tables of another part of this room.
  sql::Session& session() { return session_; }

 private:
  absl::StatusOr<int64_t> Count(std::string_view statement, const sql::Parameters& parameters);
  sql::Session& session_;
  outbox::Outbox& outbox_;
};

// What provisioning remembers. Thread-safe.
class Store {
 public:
  Store(sql::Database& database, outbox::Outbox& outbox) : database_(database), outbox_(outbox) {}

  // Runs `change` in a transaction; it may run again (sql::Database::Transact). A status other than
  // OK takes everything back.
  absl::Status Change(absl::FunctionRef<absl::Status(Transaction&)> change);
  // Runs `question` on a connection that reads only.
  absl::Status Ask(absl::FunctionRef<absl::Status(Transaction&)> question);

  // NotFound.
  absl::StatusOr<Resource> Get(std::string_view name);
  // Resources of a kind in order of name, after `after`.
  absl::StatusOr<std::vector<Resource>> List(Kind kind, const Narrowing& narrowing,
                                             std::string_view after, int64_t limit);
  // Resources of every kind in order of kind, then name, after (`kind`, `after`).
  absl::StatusOr<std::vector<Resource>> ListAll(Kind kind, std::string_view after, int64_t limit);

  // The wrapped key of a tenant, kept with `candidate` if there was none yet. NotFound for an
  // unknown tenant.
  absl::StatusOr<std::string> WrappedKey(std::string_view tenant, std::string_view candidate);

 private:
  sql::Database& database_;
  outbox::Outbox& outbox_;
};

}  // namespace cleanmail::provisioning
