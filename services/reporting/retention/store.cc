#include "services/reporting/retention/store.h"

#include <map>

#include "absl/strings/ascii.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/crypto/hash.h"
#include "libs/rpc/answer.h"

namespace cleanmail::reporting {
namespace {

using State = api::v1::Progress::State;

constexpr std::string_view kErased = "(erased)";

struct Days {
  int64_t messages = 0;
  int64_t refusals = 0;
  int64_t audit = 0;
  int64_t version = 0;
};

absl::StatusOr<std::map<std::string, Days>> AllDays(sql::Session& session) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT tenant, message_days, refusal_days, audit_days, version FROM "
                    "retention_settings"));
  std::map<std::string, Days> all;
  for (const sql::Row& row : rows)
    all[row.Text(0)] = {row.Int(1), row.Int(2), row.Int(3), row.Int(4)};
  return all;
}

v1::RetentionSettings ToProto(std::string_view tenant, const Days& days) {
  v1::RetentionSettings settings;
  settings.set_name(base::Cat("tenants/", tenant, "/retentionSettings"));
  settings.set_message_days(static_cast<int32_t>(days.messages));
  settings.set_refusal_days(static_cast<int32_t>(days.refusals));
  settings.set_audit_days(static_cast<int32_t>(days.audit));
  settings.set_etag(std::to_string(days.version));
  return settings;
}

// Deletes what is older than `before`, of one tenant (`is_only`), or of all without settings of
// their own (`tenants`, which then are left out).
absl::StatusOr<int64_t> Forget(sql::Session& session, std::string_view table, std::string_view id,
                               std::string_view at, std::string_view only, int64_t before_us,
                               int64_t limit) {
  const std::string chosen = base::Cat(
      "(SELECT ", id, " FROM ", table, " WHERE ", at, " < :before AND ",
      only.empty() ? "tenant NOT IN (SELECT tenant FROM retention_settings)" : "tenant = :tenant",
      " ORDER BY ", at, " LIMIT :limit)");
  sql::Parameters parameters = {{"before", before_us}};
  if (!only.empty()) parameters.push_back({"tenant", std::string(only)});
  parameters.push_back({"limit", limit});
  if (table == "messages") {
    for (const std::string_view part : {"entries", "message_recipients"}) {
      CLEANMAIL_RETURN_IF_ERROR(
          session.Execute(base::Cat("DELETE FROM ", part, " WHERE message IN ", chosen), parameters)
              .status());
    }
  }
  return session.Execute(base::Cat("DELETE FROM ", table, " WHERE ", id, " IN ", chosen),
                         parameters);
}

v1::Erasure ToErasure(const sql::Row& row) {
  v1::Erasure erasure;
  erasure.set_name(base::Cat("tenants/", row.Text(1), "/erasures/", row.Text(0)));
  erasure.set_address_hash(row.Text(2));
  erasure.mutable_progress()->set_state(static_cast<State>(row.Int(3)));
  const int64_t changed = row.Int(5) + row.Int(6);
  erasure.mutable_progress()->set_done(changed);
  if (row.Int(3) == api::v1::Progress::STATE_SUCCEEDED)
    erasure.mutable_progress()->set_total(changed);
  erasure.mutable_create_time()->set_seconds(row.Int(4) / 1'000'000);
  erasure.mutable_create_time()->set_nanos(static_cast<int32_t>(row.Int(4) % 1'000'000 * 1000));
  erasure.set_messages(row.Int(5));
  erasure.set_refusals(row.Int(6));
  return erasure;
}

constexpr std::string_view kErasureColumns =
    "SELECT erasure, tenant, address_hash, state, created_at_us, messages, refusals FROM erasures ";

absl::StatusOr<std::vector<std::string>> MessagesOf(sql::Session& session,
                                                    const sql::Parameters& person) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT message FROM messages WHERE sender = :address AND tenant = :tenant "
                    "UNION SELECT message FROM message_recipients WHERE address = :address AND "
                    "tenant = :tenant LIMIT :limit",
                    person));
  std::vector<std::string> ids;
  for (const sql::Row& row : rows) ids.push_back(row.Text(0));
  return ids;
}

// Takes one person out of one message. Verdicts, times and sizes stay.
absl::Status EraseIn(sql::Session& session, const std::string& message, const std::string& address,
                     const std::string& tenant) {
  const sql::Parameters one = {{"message", message}, {"address", address}};
  const auto run = [&session](std::string_view sql, const sql::Parameters& parameters) {
    return session.Execute(sql, parameters).status();
  };
  // Findings and stories may quote what he wrote.
  CLEANMAIL_RETURN_IF_ERROR(
      run("UPDATE messages SET subject = '(erased)', findings = '', sender = CASE WHEN sender = "
          ":address THEN '(erased)' ELSE sender END WHERE message = :message",
          one));
  CLEANMAIL_RETURN_IF_ERROR(run("UPDATE entries SET detail = '(erased)' WHERE message = :message",
                                {{"message", message}}));
  CLEANMAIL_RETURN_IF_ERROR(
      run("UPDATE entries SET recipient = '(erased)' WHERE message = :message AND LOWER(recipient) "
          "= :address",
          one));
  CLEANMAIL_RETURN_IF_ERROR(
      run("UPDATE message_recipients SET account = '(erased)' WHERE message = :message AND account "
          "= :address",
          one));
  return run(
      "UPDATE message_recipients SET recipient = '(erased)', address = '(erased)', reply = "
      "'(erased)', reason = '(erased)', would_be = '' WHERE message = :message AND address = "
      ":address AND tenant = :tenant",
      {{"message", message}, {"address", address}, {"tenant", tenant}});
}

absl::StatusOr<int64_t> EraseRefusals(sql::Session& session, const sql::Parameters& person) {
  return session.Execute(
      "UPDATE refusals SET reply = '(erased)', reason = '(erased)', helo = '(erased)', "
      "account = CASE WHEN recipient = :address THEN '(erased)' ELSE account END, "
      "sender = CASE WHEN sender = :address THEN '(erased)' ELSE sender END, "
      "recipient = CASE WHEN recipient = :address THEN '(erased)' ELSE recipient END "
      "WHERE tenant = :tenant AND (sender = :address OR recipient = :address)",
      person);
}

}  // namespace

absl::StatusOr<v1::RetentionSettings> Retention::Get(std::string_view tenant) {
  Days days;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(auto all, AllDays(session));
    days = all[std::string(tenant)];
    return absl::OkStatus();
  }));
  return ToProto(tenant, days);
}

absl::StatusOr<v1::RetentionSettings> Retention::Set(std::string_view tenant,
                                                     const v1::RetentionSettings& settings) {
  const int64_t longest = lives_.longest / absl::Hours(24);
  for (const auto& [field, days] : {std::pair("message_days", settings.message_days()),
                                    std::pair("refusal_days", settings.refusal_days()),
                                    std::pair("audit_days", settings.audit_days())}) {
    if (days >= 0 && days <= longest) continue;
    const std::string path = base::Cat("settings.", field);
    return rpc::WithField(absl::InvalidArgumentError(base::Cat(
                              path, ": 0 (the installation's default) to ", longest, " days")),
                          path);
  }
  Days days = {settings.message_days(), settings.refusal_days(), settings.audit_days(), 0};
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(auto all, AllDays(session));
    const Days before = all[std::string(tenant)];
    if (!settings.etag().empty() && settings.etag() != std::to_string(before.version))
      return rpc::WithReason(absl::AbortedError("somebody has changed it since; read it again"),
                             "ETAG_MISMATCH");
    days.version = before.version + 1;
    return session
        .Execute(
            "INSERT INTO retention_settings (tenant, message_days, refusal_days, audit_days, "
            "version) VALUES (:tenant, :message_days, :refusal_days, :audit_days, :version) ON "
            "CONFLICT (tenant) DO UPDATE SET message_days = excluded.message_days, refusal_days = "
            "excluded.refusal_days, audit_days = excluded.audit_days, version = excluded.version",
            {{"tenant", std::string(tenant)},
             {"message_days", days.messages},
             {"refusal_days", days.refusals},
             {"audit_days", days.audit},
             {"version", days.version}})
        .status();
  }));
  return ToProto(tenant, days);
}

absl::Status Retention::Sweep(int64_t limit) {
  std::map<std::string, Days> all;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(all, AllDays(session));
    return absl::OkStatus();
  }));
  all[""] = {};  // all the others
  const absl::Time now = clock_.Now();
  const auto before = [now](int64_t days, absl::Duration life) {
    return absl::ToUnixMicros(now - (days == 0 ? life : absl::Hours(24) * days));
  };
  for (const auto& [tenant, days] : all) {
    // A transaction a tenant and kind: the projection gets its turn between them.
    for (const auto& [table, id, at, before_us] :
         {std::tuple("messages", "message", "accepted_at_us",
                     before(days.messages, lives_.messages)),
          std::tuple("refusals", "refusal", "at_us", before(days.refusals, lives_.refusals)),
          std::tuple("audit_entries", "entry", "at_us", before(days.audit, lives_.audit))}) {
      CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
        return Forget(session, table, id, at, tenant, before_us, limit).status();
      }));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Erasure> Retention::StartErasure(std::string_view tenant,
                                                    std::string_view address) {
  const std::string lower = absl::AsciiStrToLower(base::AbslView(address));
  if (lower.size() > 320 || lower.find('@') == std::string::npos)
    return rpc::WithField(absl::InvalidArgumentError("address: an e-mail address was expected"),
                          "address");
  const std::string id = base::NewUuid(clock_, random_);
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute(
            "INSERT INTO erasures (erasure, tenant, address, address_hash, state, "
            "created_at_us, messages, refusals) VALUES (:erasure, :tenant, :address, :hash, "
            ":state, :now, 0, 0)",
            {{"erasure", id},
             {"tenant", std::string(tenant)},
             {"address", lower},
             // The salt is the id: the same address has another hash each time.
             {"hash", crypto::Sha256Hex(base::Cat(id, "\n", lower))},
             {"state", int64_t{api::v1::Progress::STATE_RUNNING}},
             {"now", base::NowMicros(clock_)}})
        .status();
  }));
  return GetErasure(tenant, id);
}

absl::StatusOr<v1::Erasure> Retention::GetErasure(std::string_view tenant, std::string_view id) {
  absl::StatusOr<v1::Erasure> found = authz::NoSuchResource();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kErasureColumns, "WHERE erasure = :id AND tenant = :tenant"),
                      {{"id", std::string(id)}, {"tenant", std::string(tenant)}}));
    if (!rows.empty()) found = ToErasure(rows[0]);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<v1::Erasure>> Retention::ListErasures(std::string_view tenant,
                                                                 std::string_view after,
                                                                 int32_t limit) {
  std::vector<v1::Erasure> all;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kErasureColumns,
                                "WHERE tenant = :tenant AND (:after = '' OR erasure < :after) "
                                "ORDER BY erasure DESC LIMIT :limit"),
                      {{"tenant", std::string(tenant)},
                       {"after", std::string(after)},
                       {"limit", int64_t{limit}}}));
    for (const sql::Row& row : rows) all.push_back(ToErasure(row));
    return absl::OkStatus();
  }));
  return all;
}

absl::Status Retention::ContinueErasures(int64_t limit) {
  std::vector<sql::Row> running;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        running, session.Query("SELECT erasure, tenant, address FROM erasures WHERE state = :state",
                               {{"state", int64_t{api::v1::Progress::STATE_RUNNING}}}));
    return absl::OkStatus();
  }));
  for (const sql::Row& job : running) {
    CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
      const sql::Parameters person = {{"address", job.Text(2)}, {"tenant", job.Text(1)}};
      sql::Parameters some = person;
      some.push_back({"limit", limit});
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> messages,
                                 MessagesOf(session, some));
      for (const std::string& message : messages)
        CLEANMAIL_RETURN_IF_ERROR(EraseIn(session, message, job.Text(2), job.Text(1)));
      CLEANMAIL_ASSIGN_OR_RETURN(const int64_t refusals, EraseRefusals(session, person));
      const bool is_done = static_cast<int64_t>(messages.size()) < limit;
      return session
          .Execute(
              "UPDATE erasures SET messages = messages + :messages, refusals = refusals + "
              ":refusals, state = :state, address = :address WHERE erasure = :id",
              {{"messages", static_cast<int64_t>(messages.size())},
               {"refusals", refusals},
               {"state", int64_t{is_done ? api::v1::Progress::STATE_SUCCEEDED
                                         : api::v1::Progress::STATE_RUNNING}},
               {"address", is_done ? std::string(kErased) : job.Text(2)},
               {"id", job.Text(0)}})
          .status();
    }));
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::reporting
