#include "services/reporting/store.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "services/reporting/migrations.h"

namespace cleanmail::reporting {
namespace {

constexpr char kSeparator = '\n';  // cannot occur in an address

}  // namespace

std::vector<sql::Migration> Migrations() { return {{1, "trace", kMigration0001Trace}}; }

absl::Status Store::Add(std::span<const MessageRow> messages, std::span<const Entry> entries) {
  std::vector<sql::Parameters> message_rows;
  for (const MessageRow& row : messages) {
    message_rows.push_back(
        {{"message", row.message},
         {"tenant", row.tenant},
         {"sender", row.sender},
         {"recipients", absl::StrJoin(row.recipients, std::string(1, kSeparator))},
         {"subject", row.subject},
         {"accepted_at", row.accepted_at_us}});
  }
  std::vector<sql::Parameters> entry_rows;
  for (const Entry& entry : entries) {
    entry_rows.push_back({{"message", entry.message},
                          {"at", entry.at_us},
                          {"what", entry.what},
                          {"recipient", entry.recipient},
                          {"detail", entry.detail}});
  }
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(session.ExecuteMany(
        "INSERT INTO messages (message, tenant, sender, recipients, subject, accepted_at_us) "
        "VALUES (:message, :tenant, :sender, :recipients, :subject, :accepted_at) ON CONFLICT DO "
        "NOTHING",
        message_rows));
    return session.ExecuteMany(
        "INSERT INTO entries (message, at_us, what, recipient, detail) VALUES (:message, :at, "
        ":what, :recipient, :detail) "
        "ON CONFLICT DO NOTHING",
        entry_rows);
  });
}

absl::StatusOr<StoredTrace> Store::Find(std::string_view tenant, std::string_view message) {
  absl::StatusOr<StoredTrace> found =
      absl::NotFoundError(base::Cat("nothing is known of message ", base::Printable(message, 100)));
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            "SELECT message, tenant, sender, recipients, subject, accepted_at_us FROM messages "
            "WHERE message = :message AND (:tenant = '' OR tenant = :tenant)",
            {{"message", std::string(message)}, {"tenant", std::string(tenant)}}));
    if (rows.empty()) return absl::OkStatus();
    StoredTrace trace;
    trace.message = {.message = rows[0].Text(0),
                     .tenant = rows[0].Text(1),
                     .sender = rows[0].Text(2),
                     .recipients = absl::StrSplit(rows[0].Text(3), kSeparator, absl::SkipEmpty()),
                     .subject = rows[0].Text(4),
                     .accepted_at_us = rows[0].Int(5)};
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> entries,
        session.Query("SELECT at_us, what, recipient, detail FROM entries WHERE message = :message "
                      "ORDER BY at_us, what, recipient",
                      {{"message", std::string(message)}}));
    for (const sql::Row& row : entries) {
      trace.entries.push_back({.message = std::string(message),
                               .at_us = row.Int(0),
                               .what = row.Text(1),
                               .recipient = row.Text(2),
                               .detail = row.Text(3)});
    }
    found = std::move(trace);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<int64_t> Store::Forget(int64_t before_us, int64_t limit) {
  int64_t forgotten = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    const std::string_view chosen =
        "(SELECT message FROM messages WHERE accepted_at_us < :before ORDER BY accepted_at_us "
        "LIMIT :limit)";
    const sql::Parameters parameters = {{"before", before_us}, {"limit", limit}};
    CLEANMAIL_RETURN_IF_ERROR(
        session.Execute(base::Cat("DELETE FROM entries WHERE message IN ", chosen), parameters)
            .status());
    CLEANMAIL_ASSIGN_OR_RETURN(
        forgotten,
        session.Execute(base::Cat("DELETE FROM messages WHERE message IN ", chosen), parameters));
    return absl::OkStatus();
  }));
  return forgotten;
}

}  // namespace cleanmail::reporting
