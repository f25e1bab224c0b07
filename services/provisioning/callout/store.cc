#include "services/provisioning/callout/store.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::provisioning::callout {
namespace {

constexpr std::string_view kColumns =
    "address, tenant, domain, outcome, reply, server, asked_us, expires_us";
constexpr std::string_view kStatusColumns =
    "domain, tenant, accepts_all_until_us, alert_since_us, alert";

Entry ToEntry(const sql::Row& row) {
  return {.address = row.Text(0),
          .tenant = row.Text(1),
          .domain = row.Text(2),
          .answer = static_cast<Answer>(row.Int(3)),
          .reply = row.Text(4),
          .server = row.Text(5),
          .asked_us = row.Int(6),
          .expires_us = row.Int(7)};
}

Status ToStatus(const sql::Row& row) {
  return {.domain = row.Text(0),
          .tenant = row.Text(1),
          .accepts_all_until_us = row.Int(2),
          .alert_since_us = row.Int(3),
          .alert = row.Text(4)};
}

// Adds " AND domain IN (…)"; `names` holds the parameters' names.
void AddDomains(const std::vector<std::string>& domains, std::vector<std::string>& names,
                std::string& statement, sql::Parameters& parameters) {
  if (domains.empty()) return;
  names.reserve(domains.size());
  for (size_t i = 0; i < domains.size(); ++i) {
    names.push_back(base::Cat("domain", i));
    statement += base::Cat(i == 0 ? " AND domain IN (:" : ", :", names.back());
    parameters.push_back({names.back(), domains[i]});
  }
  statement += ")";
}

absl::StatusOr<std::vector<sql::Row>> Ask(sql::Database& database, std::string_view statement,
                                          const sql::Parameters& parameters) {
  std::vector<sql::Row> rows;
  CLEANMAIL_RETURN_IF_ERROR(database.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(rows, session.Query(statement, parameters));
    return absl::OkStatus();
  }));
  return rows;
}

absl::StatusOr<int64_t> Do(sql::Database& database, std::string_view statement,
                           const sql::Parameters& parameters) {
  int64_t changed = 0;
  CLEANMAIL_RETURN_IF_ERROR(database.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(changed, session.Execute(statement, parameters));
    return absl::OkStatus();
  }));
  return changed;
}

}  // namespace

absl::StatusOr<std::optional<Entry>> Store::Find(std::string_view tenant,
                                                 std::string_view address) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      Ask(database_,
          base::Cat("SELECT ", kColumns,
                    " FROM callout_entries WHERE address = :address AND tenant = :tenant"),
          {{"address", std::string(address)}, {"tenant", std::string(tenant)}}));
  if (rows.empty()) return std::nullopt;
  return ToEntry(rows[0]);
}

absl::Status Store::Put(const Entry& entry) {
  return Do(database_,
            "INSERT INTO callout_entries (address, tenant, domain, outcome, reply, server, "
            "asked_us, expires_us) VALUES (:address, :tenant, :domain, :outcome, :reply, :server, "
            ":asked_us, :expires_us) ON CONFLICT (address) DO UPDATE SET tenant = excluded.tenant, "
            "outcome = excluded.outcome, reply = excluded.reply, server = excluded.server, "
            "asked_us = excluded.asked_us, expires_us = excluded.expires_us",
            {{"address", entry.address},
             {"tenant", entry.tenant},
             {"domain", entry.domain},
             {"outcome", static_cast<int64_t>(entry.answer)},
             {"reply", entry.reply},
             {"server", entry.server},
             {"asked_us", entry.asked_us},
             {"expires_us", entry.expires_us}})
      .status();
}

absl::StatusOr<std::vector<Entry>> Store::List(const Selection& selection) {
  std::string statement =
      base::Cat("SELECT ", kColumns,
                " FROM callout_entries WHERE tenant = :tenant AND address > :after AND expires_us "
                "> :expires AND (:outcome = 0 OR outcome = :outcome)");
  sql::Parameters parameters = {{"tenant", selection.tenant},
                                {"after", selection.after},
                                {"expires", selection.expires_after_us},
                                {"outcome", int64_t{selection.outcome}},
                                {"limit", selection.limit}};
  std::vector<std::string> names;
  AddDomains(selection.domains, names, statement, parameters);
  statement += " ORDER BY address LIMIT :limit";
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             Ask(database_, statement, parameters));
  std::vector<Entry> entries;
  for (const sql::Row& row : rows) entries.push_back(ToEntry(row));
  return entries;
}

absl::StatusOr<std::string> Store::SomeGood(std::string_view domain) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      Ask(database_,
          "SELECT address FROM callout_entries WHERE domain = :domain AND outcome = :exists ORDER "
          "BY asked_us DESC LIMIT 1",
          {{"domain", std::string(domain)}, {"exists", static_cast<int64_t>(Answer::kExists)}}));
  return rows.empty() ? std::string() : rows[0].Text(0);
}

absl::StatusOr<bool> Store::Delete(std::string_view tenant, std::string_view address) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t changed,
      Do(database_, "DELETE FROM callout_entries WHERE address = :address AND tenant = :tenant",
         {{"address", std::string(address)}, {"tenant", std::string(tenant)}}));
  return changed > 0;
}

absl::Status Store::DeleteNegatives(std::string_view domain, int64_t since_us) {
  return Do(database_,
            "DELETE FROM callout_entries WHERE domain = :domain AND outcome = :gone AND asked_us "
            ">= :since",
            {{"domain", std::string(domain)},
             {"gone", static_cast<int64_t>(Answer::kDoesNotExist)},
             {"since", since_us}})
      .status();
}

absl::StatusOr<int64_t> Store::Clear(std::string_view tenant, std::string_view domain) {
  const sql::Parameters both = {{"domain", std::string(domain)}, {"tenant", std::string(tenant)}};
  int64_t cleared = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        cleared,
        session.Execute("DELETE FROM callout_entries WHERE domain = :domain AND tenant = :tenant",
                        both));
    return session
        .Execute("DELETE FROM callout_statuses WHERE domain = :domain AND tenant = :tenant", both)
        .status();
  }));
  return cleared;
}

absl::Status Store::Forget(int64_t expired_before_us) {
  return Do(database_, "DELETE FROM callout_entries WHERE expires_us < :before",
            {{"before", expired_before_us}})
      .status();
}

absl::StatusOr<std::optional<Status>> Store::StatusOf(std::string_view domain) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      Ask(database_,
          base::Cat("SELECT ", kStatusColumns, " FROM callout_statuses WHERE domain = :domain"),
          {{"domain", std::string(domain)}}));
  if (rows.empty()) return std::nullopt;
  return ToStatus(rows[0]);
}

absl::Status Store::Put(const Status& status) {
  return Do(database_,
            "INSERT INTO callout_statuses (domain, tenant, accepts_all_until_us, alert_since_us, "
            "alert) VALUES (:domain, :tenant, :accepts_all, :since, :alert) ON CONFLICT (domain) "
            "DO UPDATE SET tenant = excluded.tenant, accepts_all_until_us = "
            "excluded.accepts_all_until_us, alert_since_us = excluded.alert_since_us, alert = "
            "excluded.alert",
            {{"domain", status.domain},
             {"tenant", status.tenant},
             {"accepts_all", status.accepts_all_until_us},
             {"since", status.alert_since_us},
             {"alert", status.alert}})
      .status();
}

absl::StatusOr<std::vector<Status>> Store::ListStatuses(const Selection& selection) {
  std::string statement = base::Cat("SELECT ", kStatusColumns,
                                    " FROM callout_statuses WHERE tenant = :tenant AND domain > "
                                    ":after");
  sql::Parameters parameters = {
      {"tenant", selection.tenant}, {"after", selection.after}, {"limit", selection.limit}};
  std::vector<std::string> names;
  AddDomains(selection.domains, names, statement, parameters);
  statement += " ORDER BY domain LIMIT :limit";
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             Ask(database_, statement, parameters));
  std::vector<Status> statuses;
  for (const sql::Row& row : rows) statuses.push_back(ToStatus(row));
  return statuses;
}

}  // namespace cleanmail::provisioning::callout
