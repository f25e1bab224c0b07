#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/list_hits.h"

namespace cleanmail::policy {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// A policy as the store has it.
struct PolicyState {
  std::optional<v1::Policy> current;  // none: never changed, or deleted
  int64_t last_version = 0;           // greatest there ever was
};

// Which entries a list shows.
struct EntryFilter {
  std::string tenant;
  std::string after;
  int64_t limit = 100;
  bool never_hit = false;
  v1::ListEntry::Kind kind = v1::ListEntry::KIND_UNSPECIFIED;  // unspecified: both
  std::optional<std::string> scope = {};
};

// What tenants have set. Every change and its RulesChanged are one transaction. Thread-safe.
class Store {
 public:
  Store(sql::Database& database, outbox::Outbox& outbox) : database_(database), outbox_(outbox) {}

  // Writes the version `change` makes of the state; its errors are passed on. `change` may run more
  // than once.
  absl::StatusOr<v1::PolicyVersion> ChangePolicy(
      std::string_view tenant, std::string_view policy,
      absl::FunctionRef<absl::StatusOr<v1::PolicyVersion>(const PolicyState&)> change);
  absl::Status DeletePolicy(std::string_view tenant, std::string_view policy,
                            absl::FunctionRef<absl::Status(const PolicyState&)> may_delete);
  absl::StatusOr<PolicyState> GetPolicy(std::string_view tenant, std::string_view policy);
  // By id.
  absl::StatusOr<std::vector<v1::Policy>> ListPolicies(std::string_view tenant);
  // NotFound.
  absl::StatusOr<v1::PolicyVersion> GetVersion(std::string_view tenant, std::string_view policy,
                                               int64_t version);
  // Newest first, those below `before`.
  absl::StatusOr<std::vector<v1::PolicyVersion>> ListVersions(std::string_view tenant,
                                                              std::string_view policy,
                                                              int64_t before, int64_t limit);

  // nullopt where nothing is set.
  absl::StatusOr<std::optional<v1::PolicySettings>> GetSettings(std::string_view tenant);
  absl::StatusOr<v1::PolicySettings> ChangeSettings(
      std::string_view tenant, absl::FunctionRef<absl::StatusOr<v1::PolicySettings>(
                                   const std::optional<v1::PolicySettings>&)>
                                   change);

  // Adds entries of one tenant; for each whether it was new (else one with the same kind, scope and
  // sender is there). ResourceExhausted beyond `most` entries of the tenant.
  absl::StatusOr<std::vector<bool>> InsertEntries(std::string_view tenant,
                                                  const std::vector<v1::ListEntry>& entries,
                                                  int64_t most);
  // Which of these would be new.
  absl::StatusOr<std::vector<bool>> WouldInsert(std::string_view tenant,
                                                const std::vector<v1::ListEntry>& entries);
  // NotFound; AlreadyExists when the new sender and kind are another's.
  absl::StatusOr<v1::ListEntry> ChangeEntry(
      std::string_view tenant, std::string_view entry,
      absl::FunctionRef<absl::StatusOr<v1::ListEntry>(const v1::ListEntry&)> change);
  absl::StatusOr<v1::ListEntry> DeleteEntry(
      std::string_view tenant, std::string_view entry,
      absl::FunctionRef<absl::Status(const v1::ListEntry&)> may_delete);
  absl::StatusOr<v1::ListEntry> GetEntry(std::string_view tenant, std::string_view entry);
  absl::StatusOr<std::vector<v1::ListEntry>> ListEntries(const EntryFilter& filter);
  // Adds up hits, by resource name; names of entries that are gone are left out.
  absl::Status AddHits(const std::map<std::string, ListHits::Hit>& hits);
  // Tells of everything there is once more, for a bus that has forgotten; returns how many events
  // that made.
  absl::StatusOr<int64_t> TellAll();
  // Ends entries that ended before; returns how many.
  absl::StatusOr<int64_t> DeleteEnded(int64_t before_us, int64_t limit);

 private:
  absl::Status Transact(absl::FunctionRef<absl::Status(sql::Session&)> body);
  absl::Status Tell(sql::Session& session, const google::protobuf::Message& changed);

  sql::Database& database_;
  outbox::Outbox& outbox_;
};

// The etag of a list entry or settings at a revision.
std::string EtagOf(int64_t revision);

}  // namespace cleanmail::policy
