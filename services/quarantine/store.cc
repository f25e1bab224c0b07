#include "services/quarantine/store.h"

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/quarantine/migrations.h"

namespace cleanmail::quarantine {
namespace {

constexpr std::string_view kColumns =
    "SELECT body, kind, rule, reason, score, generation, held_at_us, expires_at_us, rescan_at_us, "
    "findings FROM holds ";

std::string Packed(const google::protobuf::Message& message) {
  return absl::Base64Escape(message.SerializeAsString());
}

// Findings travel inside a MailScanned, which is a list of them.
std::string PackFindings(const std::vector<mail::v1::Finding>& findings) {
  scanner::v1::MailScanned list;
  for (const mail::v1::Finding& finding : findings) *list.add_findings() = finding;
  return Packed(list);
}

template <class T>
absl::StatusOr<T> Unpacked(const std::string& text) {
  std::string bytes;
  T message;
  if (!absl::Base64Unescape(text, &bytes) || !message.ParseFromString(bytes))
    return absl::DataLossError("a row of holds cannot be read");
  return message;
}

absl::StatusOr<HoldRow> ToHold(const sql::Row& row) {
  HoldRow hold;
  CLEANMAIL_ASSIGN_OR_RETURN(hold.message, Unpacked<mail::v1::Message>(row.Text(0)));
  hold.kind = static_cast<mail::v1::HoldKind>(row.Int(1));
  hold.rule = row.Text(2);
  hold.reason = row.Text(3);
  hold.score = row.Double(4);
  hold.generation = static_cast<int32_t>(row.Int(5));
  hold.held_at_us = row.Int(6);
  hold.expires_at_us = row.Int(7);
  hold.rescan_at_us = row.Int(8);
  CLEANMAIL_ASSIGN_OR_RETURN(const scanner::v1::MailScanned list,
                             Unpacked<scanner::v1::MailScanned>(row.Text(9)));
  hold.findings.assign(list.findings().begin(), list.findings().end());
  return hold;
}

absl::Status AddRecipients(sql::Session& session, HoldRow& hold) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session.Query("SELECT address, state, detail FROM held_recipients "
                                           "WHERE message = :message ORDER BY address",
                                           {{"message", hold.message.id()}}));
  for (const sql::Row& row : rows) {
    hold.recipients.push_back({.address = row.Text(0),
                               .state = static_cast<v1::HoldState>(row.Int(1)),
                               .detail = row.Text(2)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Ids(sql::Session& session, std::string_view statement,
                                             int64_t now_us, int64_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(statement,
                    {{"now", now_us}, {"limit", limit}, {"held", int64_t{v1::HOLD_STATE_HELD}}}));
  std::vector<std::string> ids;
  for (const sql::Row& row : rows) ids.push_back(row.Text(0));
  return ids;
}

}  // namespace

std::vector<sql::Migration> Migrations() {
  return {{1, "holds", kMigration0001Holds}, {2, "outbox", outbox::kMigration}};
}

absl::Status Store::Insert(sql::Session& session, const HoldRow& hold) {
  CLEANMAIL_RETURN_IF_ERROR(
      session
          .Execute("INSERT INTO holds (message, tenant, kind, rule, reason, score, generation, "
                   "held_at_us, expires_at_us, rescan_at_us, body, findings) "
                   "VALUES (:message, :tenant, :kind, :rule, :reason, :score, :generation, "
                   ":held_at, :expires_at, :rescan_at, :body, :findings) "
                   "ON CONFLICT DO NOTHING",
                   {{"message", hold.message.id()},
                    {"tenant", hold.message.tenant()},
                    {"kind", int64_t{hold.kind}},
                    {"rule", hold.rule},
                    {"reason", hold.reason},
                    {"score", hold.score},
                    {"generation", int64_t{hold.generation}},
                    {"held_at", hold.held_at_us},
                    {"expires_at", hold.expires_at_us},
                    {"rescan_at", hold.rescan_at_us},
                    {"body", Packed(hold.message)},
                    {"findings", PackFindings(hold.findings)}})
          .status());
  std::vector<sql::Parameters> rows;
  for (const HeldRecipient& recipient : hold.recipients) {
    rows.push_back({{"message", hold.message.id()},
                    {"address", recipient.address},
                    {"state", int64_t{recipient.state}},
                    {"detail", recipient.detail}});
  }
  return session.ExecuteMany(
      "INSERT INTO held_recipients (message, address, state, detail) VALUES (:message, :address, "
      ":state, :detail) ON CONFLICT DO NOTHING",
      rows);
}

absl::StatusOr<std::optional<HoldRow>> Store::Find(sql::Session& session, std::string_view tenant,
                                                   std::string_view message) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(
          base::Cat(kColumns, "WHERE message = :message AND (:tenant = '' OR tenant = :tenant)"),
          {{"message", std::string(message)}, {"tenant", std::string(tenant)}}));
  if (rows.empty()) return std::nullopt;
  CLEANMAIL_ASSIGN_OR_RETURN(HoldRow hold, ToHold(rows[0]));
  CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, hold));
  return hold;
}

absl::StatusOr<std::vector<HoldRow>> Store::List(sql::Session& session, std::string_view tenant,
                                                 bool only_held, std::string_view after,
                                                 int64_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(base::Cat(kColumns,
                              "WHERE (:tenant = '' OR tenant = :tenant) AND (:after = '' OR "
                              "message < :after) AND (:only_held = 0 OR EXISTS "
                              "(SELECT 1 FROM held_recipients r WHERE r.message = holds.message "
                              "AND r.state = :held)) ORDER BY message DESC LIMIT :limit"),
                    {{"tenant", std::string(tenant)},
                     {"after", std::string(after)},
                     {"only_held", int64_t{only_held}},
                     {"held", int64_t{v1::HOLD_STATE_HELD}},
                     {"limit", limit}}));
  std::vector<HoldRow> holds;
  for (const sql::Row& row : rows) {
    CLEANMAIL_ASSIGN_OR_RETURN(HoldRow hold, ToHold(row));
    CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, hold));
    holds.push_back(std::move(hold));
  }
  return holds;
}

absl::StatusOr<int64_t> Store::Move(sql::Session& session, std::string_view message,
                                    std::string_view address, v1::HoldState from, v1::HoldState to,
                                    std::string_view detail) {
  return session.Execute(
      "UPDATE held_recipients SET state = :to, detail = :detail WHERE message = :message AND "
      "address = :address AND state = :from",
      {{"to", int64_t{to}},
       {"detail", std::string(detail)},
       {"message", std::string(message)},
       {"address", std::string(address)},
       {"from", int64_t{from}}});
}

absl::Status Store::Rescanned(sql::Session& session, const HoldRow& hold) {
  return session
      .Execute(
          "UPDATE holds SET kind = :kind, rule = :rule, reason = :reason, score = :score, findings "
          "= :findings, rescan_at_us = :rescan_at "
          "WHERE message = :message",
          {{"kind", int64_t{hold.kind}},
           {"rule", hold.rule},
           {"reason", hold.reason},
           {"score", hold.score},
           {"findings", PackFindings(hold.findings)},
           {"rescan_at", hold.rescan_at_us},
           {"message", hold.message.id()}})
      .status();
}

absl::Status Store::SetRescan(sql::Session& session, std::string_view message, int32_t generation,
                              int64_t rescan_at_us) {
  return session
      .Execute(
          "UPDATE holds SET generation = :generation, rescan_at_us = :rescan_at WHERE message = "
          ":message",
          {{"generation", int64_t{generation}},
           {"rescan_at", rescan_at_us},
           {"message", std::string(message)}})
      .status();
}

absl::StatusOr<std::vector<std::string>> Store::Overdue(sql::Session& session, int64_t now_us,
                                                        int64_t limit) {
  return Ids(
      session,
      "SELECT message FROM holds WHERE expires_at_us <= :now AND EXISTS (SELECT 1 FROM "
      "held_recipients r "
      "WHERE r.message = holds.message AND r.state = :held) ORDER BY expires_at_us LIMIT :limit",
      now_us, limit);
}

absl::StatusOr<std::vector<std::string>> Store::RescanDue(sql::Session& session, int64_t now_us,
                                                          int64_t limit) {
  return Ids(
      session,
      "SELECT message FROM holds WHERE rescan_at_us > 0 AND rescan_at_us <= :now AND EXISTS "
      "(SELECT 1 FROM held_recipients r "
      "WHERE r.message = holds.message AND r.state = :held) ORDER BY rescan_at_us LIMIT :limit",
      now_us, limit);
}

absl::StatusOr<int64_t> Store::CountHeld(sql::Session& session) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT COUNT(*) FROM held_recipients WHERE state = :held",
                    {{"held", int64_t{v1::HOLD_STATE_HELD}}}));
  return rows.empty() ? 0 : rows[0].Int(0);
}

}  // namespace cleanmail::quarantine
