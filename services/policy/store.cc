#include "services/policy/store.h"

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "services/policy/migrations.h"

namespace cleanmail::policy {
namespace {

std::string ToBody(const google::protobuf::Message& message) {
  return absl::Base64Escape(message.SerializeAsString());
}

template <class T>
absl::StatusOr<T> FromBody(const std::string& body) {
  std::string bytes;
  T message;
  if (!absl::Base64Unescape(body, &bytes) || !message.ParseFromString(bytes))
    return absl::DataLossError("a row's body is not what was written");
  return message;
}

absl::Status NotFound() { return absl::NotFoundError("no such resource"); }

sql::Parameters Keys(std::string_view tenant, std::string_view policy) {
  return {{"tenant", std::string(tenant)}, {"policy", std::string(policy)}};
}

absl::StatusOr<PolicyState> ReadPolicy(sql::Session& session, std::string_view tenant,
                                       std::string_view policy) {
  PolicyState state;
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT body FROM policies WHERE tenant = :tenant AND policy = :policy",
                    Keys(tenant, policy)));
  if (!rows.empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(state.current, FromBody<v1::Policy>(rows[0].Text(0)));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> greatest,
      session.Query("SELECT version FROM policy_versions WHERE tenant = :tenant AND policy = "
                    ":policy ORDER BY version DESC LIMIT 1",
                    Keys(tenant, policy)));
  if (!greatest.empty()) state.last_version = greatest[0].Int(0);
  return state;
}

google::protobuf::Timestamp ToTimestamp(int64_t micros) {
  google::protobuf::Timestamp time;
  time.set_seconds(micros / 1'000'000);
  time.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  return time;
}

int64_t EndOf(const v1::ListEntry& entry) {
  if (!entry.has_expire_time()) return INT64_MAX;
  return entry.expire_time().seconds() * 1'000'000 + entry.expire_time().nanos() / 1000;
}

constexpr std::string_view kEntryColumns = "body, revision, hits, last_hit_us";

absl::StatusOr<v1::ListEntry> ToEntry(const sql::Row& row) {
  CLEANMAIL_ASSIGN_OR_RETURN(v1::ListEntry entry, FromBody<v1::ListEntry>(row.Text(0)));
  entry.set_etag(EtagOf(row.Int(1)));
  entry.set_hits(row.Int(2));
  if (row.Int(3) > 0) *entry.mutable_last_hit_time() = ToTimestamp(row.Int(3));
  return entry;
}

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

sql::Parameters EntryParameters(std::string_view tenant, const v1::ListEntry& entry) {
  v1::ListEntry kept = entry;
  kept.clear_etag();
  kept.clear_hits();
  kept.clear_last_hit_time();
  return {{"tenant", std::string(tenant)},
          {"entry", IdOf(entry.name())},
          {"kind", static_cast<int64_t>(entry.kind())},
          {"scope", entry.scope()},
          {"sender", entry.sender()},
          {"ends", EndOf(entry)},
          {"body", ToBody(kept)}};
}

absl::StatusOr<v1::ListEntry> ReadEntry(sql::Session& session, std::string_view tenant,
                                        std::string_view entry) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(base::Cat("SELECT ", kEntryColumns,
                              " FROM list_entries WHERE tenant = :tenant AND entry = :entry"),
                    {{"tenant", std::string(tenant)}, {"entry", std::string(entry)}}));
  if (rows.empty()) return NotFound();
  return ToEntry(rows[0]);
}

v1::RulesChanged Gone(std::string name) {
  v1::RulesChanged changed;
  changed.set_name(std::move(name));
  changed.set_deleted(true);
  return changed;
}

v1::RulesChanged NewsOf(const v1::Policy& policy) {
  v1::RulesChanged changed;
  changed.set_name(policy.name());
  *changed.mutable_policy() = policy;
  return changed;
}

v1::RulesChanged NewsOf(const v1::PolicySettings& settings) {
  v1::RulesChanged changed;
  changed.set_name(settings.name());
  *changed.mutable_settings() = settings;
  return changed;
}

v1::RulesChanged NewsOf(const v1::ListEntry& entry) {
  v1::RulesChanged changed;
  changed.set_name(entry.name());
  *changed.mutable_list_entry() = entry;
  return changed;
}

absl::StatusOr<int64_t> CountEntries(sql::Session& session, std::string_view tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT COUNT(*) FROM list_entries WHERE tenant = :tenant",
                    {{"tenant", std::string(tenant)}}));
  return rows.empty() ? 0 : rows[0].Int(0);
}

}  // namespace

std::string EtagOf(int64_t revision) { return base::Cat("\"", revision, "\""); }

std::vector<sql::Migration> Migrations() {
  return {{1, "rules", kMigration0001Rules},
          {2, "history", kMigration0002History},
          {3, "outbox", outbox::kMigration}};
}

absl::Status Store::Transact(absl::FunctionRef<absl::Status(sql::Session&)> body) {
  const absl::Status status = database_.Transact(body);
  if (status.ok()) outbox_.Nudge();
  return status;
}

absl::Status Store::Tell(sql::Session& session, const google::protobuf::Message& changed) {
  return outbox_.Add(session, bus::ToRecord(changed));
}

absl::StatusOr<int64_t> Store::TellAll() {
  int64_t told = 0;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    told = 0;
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> policies,
                               session.Query("SELECT body FROM policies", {}));
    for (const sql::Row& row : policies) {
      CLEANMAIL_ASSIGN_OR_RETURN(const v1::Policy policy, FromBody<v1::Policy>(row.Text(0)));
      CLEANMAIL_RETURN_IF_ERROR(Tell(session, NewsOf(policy)));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> settings,
                               session.Query("SELECT body FROM policy_settings", {}));
    for (const sql::Row& row : settings) {
      CLEANMAIL_ASSIGN_OR_RETURN(const v1::PolicySettings of_tenant,
                                 FromBody<v1::PolicySettings>(row.Text(0)));
      CLEANMAIL_RETURN_IF_ERROR(Tell(session, NewsOf(of_tenant)));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> entries,
        session.Query(base::Cat("SELECT ", kEntryColumns, " FROM list_entries"), {}));
    for (const sql::Row& row : entries) {
      CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListEntry entry, ToEntry(row));
      CLEANMAIL_RETURN_IF_ERROR(Tell(session, NewsOf(entry)));
    }
    told = static_cast<int64_t>(policies.size() + settings.size() + entries.size());
    return absl::OkStatus();
  }));
  return told;
}

absl::StatusOr<v1::PolicyVersion> Store::ChangePolicy(
    std::string_view tenant, std::string_view policy,
    absl::FunctionRef<absl::StatusOr<v1::PolicyVersion>(const PolicyState&)> change) {
  v1::PolicyVersion made;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const PolicyState state, ReadPolicy(session, tenant, policy));
    CLEANMAIL_ASSIGN_OR_RETURN(made, change(state));
    sql::Parameters parameters = Keys(tenant, policy);
    parameters.push_back({"version", made.policy().version()});
    parameters.push_back({"body", ToBody(made.policy())});
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO policies (tenant, policy, version, body) VALUES (:tenant, "
                     ":policy, :version, :body) ON CONFLICT (tenant, policy) DO UPDATE SET "
                     "version = :version, body = :body",
                     parameters)
            .status());
    parameters.back().value = ToBody(made);
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO policy_versions (tenant, policy, version, body) VALUES "
                     "(:tenant, :policy, :version, :body)",
                     parameters)
            .status());
    return Tell(session, NewsOf(made.policy()));
  }));
  return made;
}

absl::Status Store::DeletePolicy(std::string_view tenant, std::string_view policy,
                                 absl::FunctionRef<absl::Status(const PolicyState&)> may_delete) {
  return Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const PolicyState state, ReadPolicy(session, tenant, policy));
    if (!state.current.has_value()) return NotFound();
    CLEANMAIL_RETURN_IF_ERROR(may_delete(state));
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("DELETE FROM policies WHERE tenant = :tenant AND policy = :policy",
                     Keys(tenant, policy))
            .status());
    return Tell(session, Gone(state.current->name()));
  });
}

absl::StatusOr<PolicyState> Store::GetPolicy(std::string_view tenant, std::string_view policy) {
  PolicyState state;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(state, ReadPolicy(session, tenant, policy));
    return absl::OkStatus();
  }));
  return state;
}

absl::StatusOr<std::vector<v1::Policy>> Store::ListPolicies(std::string_view tenant) {
  std::vector<v1::Policy> policies;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT body FROM policies WHERE tenant = :tenant ORDER BY policy",
                      {{"tenant", std::string(tenant)}}));
    for (const sql::Row& row : rows) {
      CLEANMAIL_ASSIGN_OR_RETURN(policies.emplace_back(), FromBody<v1::Policy>(row.Text(0)));
    }
    return absl::OkStatus();
  }));
  return policies;
}

absl::StatusOr<v1::PolicyVersion> Store::GetVersion(std::string_view tenant,
                                                    std::string_view policy, int64_t version) {
  absl::StatusOr<v1::PolicyVersion> found = NotFound();
  sql::Parameters parameters = Keys(tenant, policy);
  parameters.push_back({"version", version});
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                               session.Query("SELECT body FROM policy_versions WHERE tenant = "
                                             ":tenant AND policy = :policy AND version = :version",
                                             parameters));
    if (!rows.empty()) found = FromBody<v1::PolicyVersion>(rows[0].Text(0));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<v1::PolicyVersion>> Store::ListVersions(std::string_view tenant,
                                                                   std::string_view policy,
                                                                   int64_t before, int64_t limit) {
  std::vector<v1::PolicyVersion> versions;
  sql::Parameters parameters = Keys(tenant, policy);
  parameters.push_back({"before", before});
  parameters.push_back({"limit", limit});
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT body FROM policy_versions WHERE tenant = :tenant AND policy = "
                      ":policy AND version < :before ORDER BY version DESC LIMIT :limit",
                      parameters));
    for (const sql::Row& row : rows) {
      CLEANMAIL_ASSIGN_OR_RETURN(versions.emplace_back(), FromBody<v1::PolicyVersion>(row.Text(0)));
    }
    return absl::OkStatus();
  }));
  return versions;
}

namespace {

struct SettingsRow {
  std::optional<v1::PolicySettings> settings;
  int64_t revision = 0;
};

absl::StatusOr<SettingsRow> ReadSettings(sql::Session& session, std::string_view tenant) {
  SettingsRow row;
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT body, revision FROM policy_settings WHERE tenant = :tenant",
                    {{"tenant", std::string(tenant)}}));
  if (rows.empty()) return row;
  CLEANMAIL_ASSIGN_OR_RETURN(row.settings, FromBody<v1::PolicySettings>(rows[0].Text(0)));
  row.revision = rows[0].Int(1);
  row.settings->set_etag(EtagOf(row.revision));
  return row;
}

}  // namespace

absl::StatusOr<std::optional<v1::PolicySettings>> Store::GetSettings(std::string_view tenant) {
  std::optional<v1::PolicySettings> settings;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(SettingsRow row, ReadSettings(session, tenant));
    settings = std::move(row.settings);
    return absl::OkStatus();
  }));
  return settings;
}

absl::StatusOr<v1::PolicySettings> Store::ChangeSettings(
    std::string_view tenant,
    absl::FunctionRef<absl::StatusOr<v1::PolicySettings>(const std::optional<v1::PolicySettings>&)>
        change) {
  v1::PolicySettings settings;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const SettingsRow row, ReadSettings(session, tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(settings, change(row.settings));
    settings.set_etag(EtagOf(row.revision + 1));
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("INSERT INTO policy_settings (tenant, revision, body) VALUES (:tenant, "
                     ":revision, :body) ON CONFLICT (tenant) DO UPDATE SET revision = :revision, "
                     "body = :body",
                     {{"tenant", std::string(tenant)},
                      {"revision", row.revision + 1},
                      {"body", ToBody(settings)}})
            .status());
    return Tell(session, NewsOf(settings));
  }));
  return settings;
}

absl::StatusOr<std::vector<bool>> Store::InsertEntries(std::string_view tenant,
                                                       const std::vector<v1::ListEntry>& entries,
                                                       int64_t most) {
  std::vector<bool> made;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    made.clear();
    CLEANMAIL_ASSIGN_OR_RETURN(int64_t count, CountEntries(session, tenant));
    for (const v1::ListEntry& entry : entries) {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const int64_t added,
          session.Execute("INSERT INTO list_entries (tenant, entry, kind, scope, sender, revision, "
                          "ends_at_us, hits, last_hit_us, body) VALUES (:tenant, :entry, :kind, "
                          ":scope, :sender, 1, :ends, 0, 0, :body) ON CONFLICT DO NOTHING",
                          EntryParameters(tenant, entry)));
      made.push_back(added > 0);
      if (added == 0) continue;
      if (++count > most)
        return absl::ResourceExhaustedError(
            base::Cat("a tenant has at most ", most, " list entries"));
      CLEANMAIL_RETURN_IF_ERROR(Tell(session, NewsOf(entry)));
    }
    return absl::OkStatus();
  }));
  return made;
}

absl::StatusOr<std::vector<bool>> Store::WouldInsert(std::string_view tenant,
                                                     const std::vector<v1::ListEntry>& entries) {
  std::vector<bool> fresh;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    for (const v1::ListEntry& entry : entries) {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          session.Query("SELECT entry FROM list_entries WHERE tenant = :tenant AND scope = :scope "
                        "AND sender = :sender AND kind = :kind",
                        {{"tenant", std::string(tenant)},
                         {"scope", entry.scope()},
                         {"sender", entry.sender()},
                         {"kind", static_cast<int64_t>(entry.kind())}}));
      fresh.push_back(rows.empty());
    }
    return absl::OkStatus();
  }));
  return fresh;
}

absl::StatusOr<v1::ListEntry> Store::ChangeEntry(
    std::string_view tenant, std::string_view entry,
    absl::FunctionRef<absl::StatusOr<v1::ListEntry>(const v1::ListEntry&)> change) {
  v1::ListEntry changed;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListEntry current, ReadEntry(session, tenant, entry));
    CLEANMAIL_ASSIGN_OR_RETURN(changed, change(current));
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("UPDATE list_entries SET kind = :kind, scope = :scope, sender = :sender, "
                     "ends_at_us = :ends, body = :body, revision = revision + 1 WHERE tenant = "
                     ":tenant AND entry = :entry",
                     EntryParameters(tenant, changed))
            .status());
    CLEANMAIL_RETURN_IF_ERROR(Tell(session, NewsOf(changed)));
    CLEANMAIL_ASSIGN_OR_RETURN(changed, ReadEntry(session, tenant, entry));
    return absl::OkStatus();
  }));
  return changed;
}

absl::StatusOr<v1::ListEntry> Store::DeleteEntry(
    std::string_view tenant, std::string_view entry,
    absl::FunctionRef<absl::Status(const v1::ListEntry&)> may_delete) {
  v1::ListEntry current;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(current, ReadEntry(session, tenant, entry));
    CLEANMAIL_RETURN_IF_ERROR(may_delete(current));
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("DELETE FROM list_entries WHERE tenant = :tenant AND entry = :entry",
                     {{"tenant", std::string(tenant)}, {"entry", std::string(entry)}})
            .status());
    return Tell(session, Gone(current.name()));
  }));
  return current;
}

absl::StatusOr<v1::ListEntry> Store::GetEntry(std::string_view tenant, std::string_view entry) {
  absl::StatusOr<v1::ListEntry> found = NotFound();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    found = ReadEntry(session, tenant, entry);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<v1::ListEntry>> Store::ListEntries(const EntryFilter& filter) {
  std::vector<v1::ListEntry> entries;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            base::Cat("SELECT ", kEntryColumns,
                      " FROM list_entries WHERE tenant = :tenant AND entry > :after AND (:kind = 0 "
                      "OR kind = :kind) AND (:any_scope = 1 OR scope = :scope) AND (:never = 0 OR "
                      "hits = 0) ORDER BY entry LIMIT :limit"),
            {{"tenant", filter.tenant},
             {"after", filter.after},
             {"kind", static_cast<int64_t>(filter.kind)},
             {"any_scope", int64_t{filter.scope.has_value() ? 0 : 1}},
             {"scope", filter.scope.value_or("")},
             {"never", int64_t{filter.never_hit ? 1 : 0}},
             {"limit", filter.limit}}));
    for (const sql::Row& row : rows) {
      CLEANMAIL_ASSIGN_OR_RETURN(entries.emplace_back(), ToEntry(row));
    }
    return absl::OkStatus();
  }));
  return entries;
}

absl::Status Store::AddHits(const std::map<std::string, ListHits::Hit>& hits) {
  std::vector<sql::Parameters> rows;
  for (const auto& [name, hit] : hits) {
    const std::string_view view = name;
    const size_t begin = view.find('/') + 1;
    rows.push_back({{"tenant", std::string(view.substr(begin, view.find('/', begin) - begin))},
                    {"entry", IdOf(view)},
                    {"count", hit.count},
                    {"last", hit.last_us}});
  }
  return database_.Transact([&](sql::Session& session) {
    return session.ExecuteMany(
        "UPDATE list_entries SET hits = hits + :count, last_hit_us = :last WHERE tenant = :tenant "
        "AND entry = :entry",
        rows);
  });
}

absl::StatusOr<int64_t> Store::DeleteEnded(int64_t before_us, int64_t limit) {
  int64_t deleted = 0;
  CLEANMAIL_RETURN_IF_ERROR(Transact([&](sql::Session& session) -> absl::Status {
    deleted = 0;
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT tenant, entry FROM list_entries WHERE ends_at_us < :before LIMIT "
                      ":limit",
                      {{"before", before_us}, {"limit", limit}}));
    for (const sql::Row& row : rows) {
      CLEANMAIL_RETURN_IF_ERROR(
          session
              .Execute("DELETE FROM list_entries WHERE tenant = :tenant AND entry = :entry",
                       {{"tenant", row.Text(0)}, {"entry", row.Text(1)}})
              .status());
      CLEANMAIL_RETURN_IF_ERROR(
          Tell(session, Gone(base::Cat("tenants/", row.Text(0), "/listEntries/", row.Text(1)))));
      ++deleted;
    }
    return absl::OkStatus();
  }));
  return deleted;
}

}  // namespace cleanmail::policy
