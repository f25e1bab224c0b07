#include "services/policy/history/store.h"

#include "absl/strings/escaping.h"
#include "libs/base/status_macros.h"

namespace cleanmail::policy::history {
namespace {

template <class T>
absl::StatusOr<T> Unpack(const std::string& body) {
  std::string bytes;
  T message;
  if (!absl::Base64Unescape(body, &bytes) || !message.ParseFromString(bytes))
    return absl::DataLossError("a row's body is not what was written");
  return message;
}

absl::Status NotFound() { return absl::NotFoundError("no such resource"); }

std::string_view TenantOf(std::string_view name) {
  const size_t begin = name.find('/') + 1;
  return name.substr(begin, name.find('/', begin) - begin);
}

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

}  // namespace

std::string Pack(const google::protobuf::Message& message) {
  return absl::Base64Escape(message.SerializeAsString());
}

absl::StatusOr<v1::Judged> UnpackJudged(const std::string& body) {
  return Unpack<v1::Judged>(body);
}

absl::Status Store::Remember(const std::vector<sql::Parameters>& rows) {
  return database_.Transact([&](sql::Session& session) {
    return session.ExecuteMany(
        "INSERT INTO judged (tenant, message, generation, body) VALUES (:tenant, :message, "
        ":generation, :body) ON CONFLICT (tenant, message, generation) DO UPDATE SET body = :body",
        rows);
  });
}

absl::StatusOr<v1::Judged> Store::Recall(std::string_view tenant, std::string_view message) {
  absl::StatusOr<v1::Judged> found = NotFound();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT body FROM judged WHERE tenant = :tenant AND message = :message "
                      "ORDER BY generation DESC LIMIT 1",
                      {{"tenant", std::string(tenant)}, {"message", std::string(message)}}));
    if (!rows.empty()) found = UnpackJudged(rows[0].Text(0));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<JudgedRow>> Store::ListJudged(std::string_view tenant,
                                                         std::string_view message,
                                                         int64_t generation, int64_t limit) {
  std::vector<JudgedRow> page;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT message, generation, body FROM judged WHERE tenant = :tenant AND "
                      "(message, generation) > (:message, :generation) ORDER BY message, "
                      "generation LIMIT :limit",
                      {{"tenant", std::string(tenant)},
                       {"message", std::string(message)},
                       {"generation", generation},
                       {"limit", limit}}));
    for (const sql::Row& row : rows)
      page.push_back({.message = row.Text(0), .generation = row.Int(1), .body = row.Text(2)});
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<int64_t> Store::CountJudged(std::string_view tenant, std::string_view from_message) {
  int64_t count = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT COUNT(*) FROM judged WHERE tenant = :tenant AND message >= :message",
                      {{"tenant", std::string(tenant)}, {"message", std::string(from_message)}}));
    count = rows.empty() ? 0 : rows[0].Int(0);
    return absl::OkStatus();
  }));
  return count;
}

absl::StatusOr<std::string> Store::NextTenant(std::string_view after) {
  std::string tenant;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            "SELECT tenant FROM judged WHERE tenant > :after ORDER BY tenant LIMIT 1",
            {{"after", std::string(after)}}));
    if (!rows.empty()) tenant = rows[0].Text(0);
    return absl::OkStatus();
  }));
  return tenant;
}

absl::StatusOr<int64_t> Store::Forget(std::string_view tenant, std::string_view before_message,
                                      int64_t limit) {
  int64_t deleted = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        deleted,
        session.Execute("DELETE FROM judged WHERE tenant = :tenant AND message IN (SELECT message "
                        "FROM judged WHERE tenant = :tenant AND message < :before ORDER BY "
                        "message LIMIT :limit)",
                        {{"tenant", std::string(tenant)},
                         {"before", std::string(before_message)},
                         {"limit", limit}}));
    return absl::OkStatus();
  }));
  return deleted;
}

absl::Status Store::InsertDryRun(std::string_view tenant, const DryRunRow& row,
                                 int64_t created_at_us, int64_t most) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> unfinished,
        session.Query("SELECT COUNT(*) FROM dry_runs WHERE tenant = :tenant AND finished = 0",
                      {{"tenant", std::string(tenant)}}));
    if (!unfinished.empty() && unfinished[0].Int(0) >= most)
      return absl::ResourceExhaustedError("too many dry runs of this tenant are unfinished");
    return session
        .Execute("INSERT INTO dry_runs (tenant, dry_run, finished, leased_until_us, created_at_us, "
                 "policy, body) VALUES (:tenant, :id, 0, 0, :created, :policy, :body)",
                 {{"tenant", std::string(tenant)},
                  {"id", IdOf(row.dry_run.name())},
                  {"created", created_at_us},
                  {"policy", Pack(row.policy)},
                  {"body", Pack(row.dry_run)}})
        .status();
  });
}

absl::StatusOr<v1::DryRun> Store::GetDryRun(std::string_view tenant, std::string_view id) {
  absl::StatusOr<v1::DryRun> found = NotFound();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT body FROM dry_runs WHERE tenant = :tenant AND dry_run = :id",
                      {{"tenant", std::string(tenant)}, {"id", std::string(id)}}));
    if (!rows.empty()) found = Unpack<v1::DryRun>(rows[0].Text(0));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<v1::DryRun>> Store::ListDryRuns(std::string_view tenant,
                                                           std::string_view before,
                                                           int64_t limit) {
  std::vector<v1::DryRun> dry_runs;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT body FROM dry_runs WHERE tenant = :tenant AND (:before = '' OR "
                      "dry_run < :before) ORDER BY dry_run DESC LIMIT :limit",
                      {{"tenant", std::string(tenant)},
                       {"before", std::string(before)},
                       {"limit", limit}}));
    for (const sql::Row& row : rows) {
      CLEANMAIL_ASSIGN_OR_RETURN(dry_runs.emplace_back(), Unpack<v1::DryRun>(row.Text(0)));
    }
    return absl::OkStatus();
  }));
  return dry_runs;
}

absl::StatusOr<std::optional<DryRunRow>> Store::ClaimDryRun(int64_t now_us, int64_t until_us) {
  std::optional<DryRunRow> claimed;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    claimed.reset();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT tenant, dry_run, policy, body FROM dry_runs WHERE finished = 0 AND "
                      "leased_until_us < :now ORDER BY created_at_us LIMIT 1",
                      {{"now", now_us}}));
    if (rows.empty()) return absl::OkStatus();
    const sql::Row& row = rows[0];
    CLEANMAIL_ASSIGN_OR_RETURN(
        const int64_t mine,
        session.Execute("UPDATE dry_runs SET leased_until_us = :until WHERE tenant = :tenant AND "
                        "dry_run = :id AND leased_until_us < :now",
                        {{"until", until_us},
                         {"now", now_us},
                         {"tenant", row.Text(0)},
                         {"id", row.Text(1)}}));
    if (mine == 0) return absl::OkStatus();
    DryRunRow taken;
    CLEANMAIL_ASSIGN_OR_RETURN(taken.policy, Unpack<v1::Policy>(row.Text(2)));
    CLEANMAIL_ASSIGN_OR_RETURN(taken.dry_run, Unpack<v1::DryRun>(row.Text(3)));
    claimed = std::move(taken);
    return absl::OkStatus();
  }));
  return claimed;
}

absl::Status Store::KeepDryRun(const v1::DryRun& dry_run, bool finished, int64_t lease_until_us) {
  return database_.Transact([&](sql::Session& session) {
    return session
        .Execute("UPDATE dry_runs SET body = :body, finished = :finished, leased_until_us = :until "
                 "WHERE tenant = :tenant AND dry_run = :id",
                 {{"body", Pack(dry_run)},
                  {"finished", int64_t{finished ? 1 : 0}},
                  {"until", lease_until_us},
                  {"tenant", std::string(TenantOf(dry_run.name()))},
                  {"id", IdOf(dry_run.name())}})
        .status();
  });
}

absl::Status Store::DeleteDryRuns(int64_t created_before_us) {
  return database_.Transact([&](sql::Session& session) {
    return session
        .Execute("DELETE FROM dry_runs WHERE created_at_us < :before",
                 {{"before", created_before_us}})
        .status();
  });
}

}  // namespace cleanmail::policy::history
