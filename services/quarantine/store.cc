#include "services/quarantine/store.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/store/sql/filter_sql.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/quarantine/migrations.h"

namespace cleanmail::quarantine {
namespace {

constexpr std::string_view kColumns =
    "SELECT h.body, h.kind, h.rule, h.reason, h.score, h.generation, h.held_at_us, "
    "h.expires_at_us, h.rescan_at_us, h.findings, h.note, h.assigned_to, h.seen_by, h.seen_at_us, "
    "h.version FROM holds h ";

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
  hold.note = row.Text(10);
  hold.assigned_to = row.Text(11);
  hold.seen_by = row.Text(12);
  hold.seen_at_us = row.Int(13);
  hold.version = row.Int(14);
  return hold;
}

// Actions travel inside a RecipientGroup, which is a list of them.
std::string PackActions(const std::vector<mail::v1::Action>& actions) {
  if (actions.empty()) return {};
  mail::v1::RecipientGroup list;
  for (const mail::v1::Action& action : actions) *list.add_actions() = action;
  return Packed(list);
}

// What the scope shows of recipients.
void AndVisible(const Scope& scope, sql::Conditions& where) {
  if (!scope.tenant.empty()) where.AndEqual("h.tenant", scope.tenant);
  if (!scope.visible.all_tenants) where.AndIn("h.tenant", scope.visible.tenants);
  if (!scope.visible.all_domains) where.AndIn("r.domain", scope.visible.domains);
  if (!scope.visible.user.empty()) where.AndEqual("r.account", scope.visible.user);
  if (!scope.sees_unlisted)
    where.And(base::Cat("r.kind <> ", static_cast<int>(mail::v1::HOLD_KIND_UNLISTED)));
}

const sql::FilterColumns& Columns() {
  static const sql::FilterColumns kColumns = {{"sender", {"h.sender", true}},
                                              {"recipient", {"r.lower_address", true}},
                                              {"subject", {"h.subject"}},
                                              {"id", {"h.message"}},
                                              {"kind", {"r.kind"}},
                                              {"state", {"r.state"}},
                                              {"rule", {"r.rule"}},
                                              {"policy", {"r.policy"}},
                                              {"policy_version", {"r.policy_version"}},
                                              {"policy_scope", {"r.policy_scope"}},
                                              {"quarantine", {"r.quarantine"}},
                                              {"time", {"h.held_at_us"}},
                                              {"score", {"h.score"}},
                                              {"size", {"h.size"}},
                                              {"domain", {"r.domain", true}},
                                              {"assigned_to", {"h.assigned_to"}}};
  return kColumns;
}

// Words stand for numbers in the tables: the tree's text becomes a number.
rpc::resource::Filter Numbered(rpc::resource::Filter filter) {
  if (filter.field == "kind" || filter.field == "state") {
    if (const auto* text = std::get_if<std::string>(&filter.value))
      filter.value = int64_t{std::stoll(*text)};
  }
  for (rpc::resource::Filter& part : filter.below) part = Numbered(std::move(part));
  return filter;
}

absl::StatusOr<sql::Conditions> ConditionsOf(const HoldQuery& query) {
  sql::Conditions where;
  where.And("r.message = h.message");
  AndVisible(query.scope, where);
  if (query.only_held) where.And(base::Cat("r.state = ", int{v1::HOLD_STATE_HELD}));
  if (query.held_before_us != 0) where.And(base::Cat("h.held_at_us <= ", query.held_before_us));
  CLEANMAIL_RETURN_IF_ERROR(where.AndFilter(Numbered(query.filter), Columns()));
  return where;
}

absl::Status AddRecipients(sql::Session& session, const Scope& scope, HoldRow& hold) {
  sql::Conditions where;
  where.And("r.message = h.message");
  where.AndEqual("h.message", hold.message.id());
  AndVisible(scope, where);
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(
          base::Cat("SELECT r.address, r.state, r.detail, r.kind, r.rule, r.reason, r.policy, "
                    "r.policy_version, r.policy_scope, r.quarantine, r.actions, r.rescan_by, "
                    "r.domain, r.account FROM holds h CROSS JOIN held_recipients r WHERE ",
                    where.text(), " ORDER BY r.address"),
          where.parameters()));
  for (const sql::Row& row : rows) {
    HeldRecipient recipient{.address = row.Text(0),
                            .state = static_cast<v1::HoldState>(row.Int(1)),
                            .detail = row.Text(2),
                            .kind = static_cast<mail::v1::HoldKind>(row.Int(3)),
                            .rule = row.Text(4),
                            .reason = row.Text(5),
                            .policy = row.Text(6),
                            .policy_version = row.Int(7),
                            .policy_scope = row.Text(8),
                            .quarantine = row.Text(9),
                            .rescan_by = row.Text(11),
                            .domain = row.Text(12),
                            .account = row.Text(13)};
    if (!row.Text(10).empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const auto list, Unpacked<mail::v1::RecipientGroup>(row.Text(10)));
      recipient.actions.assign(list.actions().begin(), list.actions().end());
    }
    hold.recipients.push_back(std::move(recipient));
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
          .Execute("INSERT INTO holds (message, tenant, kind, rule, reason, sender, subject, size, "
                   "score, generation, held_at_us, expires_at_us, rescan_at_us, body, findings, "
                   "note, assigned_to, seen_by, seen_at_us, version) "
                   "VALUES (:message, :tenant, :kind, :rule, :reason, :sender, :subject, :size, "
                   ":score, :generation, :held_at, :expires_at, :rescan_at, :body, :findings, '', "
                   "'', '', 0, 1) ON CONFLICT (message) DO UPDATE SET expires_at_us = "
                   "excluded.expires_at_us WHERE excluded.expires_at_us > holds.expires_at_us",
                   {{"message", hold.message.id()},
                    {"tenant", hold.message.tenant()},
                    {"kind", int64_t{hold.kind}},
                    {"rule", hold.rule},
                    {"reason", hold.reason},
                    {"sender", absl::AsciiStrToLower(hold.message.envelope().sender())},
                    {"subject", hold.message.subject()},
                    {"size", hold.message.size()},
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
                    {"lower_address", absl::AsciiStrToLower(recipient.address)},
                    {"domain", recipient.domain},
                    {"account", recipient.account},
                    {"state", int64_t{recipient.state}},
                    {"detail", recipient.detail},
                    {"kind", int64_t{recipient.kind}},
                    {"rule", recipient.rule},
                    {"reason", recipient.reason},
                    {"policy", recipient.policy},
                    {"policy_version", recipient.policy_version},
                    {"policy_scope", recipient.policy_scope},
                    {"quarantine", recipient.quarantine},
                    {"actions", PackActions(recipient.actions)}});
  }
  return session.ExecuteMany(
      "INSERT INTO held_recipients (message, address, lower_address, domain, account, state, "
      "detail, kind, rule, reason, policy, policy_version, policy_scope, quarantine, actions, "
      "rescan_by) VALUES (:message, :address, :lower_address, :domain, :account, :state, :detail, "
      ":kind, :rule, :reason, :policy, :policy_version, :policy_scope, :quarantine, :actions, '') "
      "ON CONFLICT DO NOTHING",
      rows);
}

absl::StatusOr<std::optional<HoldRow>> Store::Find(sql::Session& session, std::string_view tenant,
                                                   std::string_view message) {
  return Find(session, Scope{.tenant = std::string(tenant)}, message);
}

absl::StatusOr<std::optional<HoldRow>> Store::Find(sql::Session& session, const Scope& scope,
                                                   std::string_view message) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session.Query(base::Cat(kColumns, "WHERE h.message = :message"),
                                           {{"message", std::string(message)}}));
  if (rows.empty()) return std::nullopt;
  CLEANMAIL_ASSIGN_OR_RETURN(HoldRow hold, ToHold(rows[0]));
  CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, scope, hold));
  if (hold.recipients.empty()) return std::nullopt;
  return hold;
}

absl::StatusOr<std::vector<HoldRow>> Store::List(sql::Session& session, const HoldQuery& query,
                                                 std::string_view after, int64_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const sql::Conditions where, ConditionsOf(query));
  sql::Parameters parameters = where.parameters();
  parameters.push_back({"after", std::string(after)});
  parameters.push_back({"limit", limit});
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(
          base::Cat(
              kColumns, "WHERE (:after = '' OR h.message < :after) AND EXISTS (SELECT 1 FROM ",
              "held_recipients r WHERE ", where.text(), ") ORDER BY h.message DESC LIMIT :limit"),
          parameters));
  std::vector<HoldRow> holds;
  for (const sql::Row& row : rows) {
    CLEANMAIL_ASSIGN_OR_RETURN(HoldRow hold, ToHold(row));
    CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, query.scope, hold));
    holds.push_back(std::move(hold));
  }
  return holds;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Store::Recipients(
    sql::Session& session, const HoldQuery& query, std::string_view after_message,
    std::string_view after_address, int64_t limit) {
  CLEANMAIL_ASSIGN_OR_RETURN(const sql::Conditions where, ConditionsOf(query));
  sql::Parameters parameters = where.parameters();
  parameters.push_back({"message", std::string(after_message)});
  parameters.push_back({"address", std::string(after_address)});
  parameters.push_back({"limit", limit});
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(
          base::Cat("SELECT r.message, r.address FROM holds h CROSS JOIN held_recipients r WHERE ",
                    where.text(),
                    " AND r.message >= :message AND (r.message > :message OR r.address > :address) "
                    "ORDER BY r.message, r.address LIMIT :limit"),
          parameters));
  std::vector<std::pair<std::string, std::string>> found;
  for (const sql::Row& row : rows) found.emplace_back(row.Text(0), row.Text(1));
  return found;
}

absl::StatusOr<int64_t> Store::CountRecipients(sql::Session& session, const HoldQuery& query) {
  CLEANMAIL_ASSIGN_OR_RETURN(const sql::Conditions where, ConditionsOf(query));
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(base::Cat("SELECT COUNT(*) FROM holds h CROSS JOIN held_recipients r WHERE ",
                              where.text()),
                    where.parameters()));
  return rows.empty() ? 0 : rows[0].Int(0);
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

absl::Status Store::Renew(sql::Session& session, std::string_view message,
                          const HeldRecipient& recipient) {
  return session
      .Execute(
          "UPDATE held_recipients SET kind = :kind, rule = :rule, reason = :reason WHERE "
          "message = :message AND address = :address AND state = :held",
          {{"kind", int64_t{recipient.kind}},
           {"rule", recipient.rule},
           {"reason", recipient.reason},
           {"message", std::string(message)},
           {"address", recipient.address},
           {"held", int64_t{v1::HOLD_STATE_HELD}}})
      .status();
}

absl::Status Store::SetRescanBy(sql::Session& session, std::string_view message,
                                std::string_view address, std::string_view by) {
  return session
      .Execute(
          "UPDATE held_recipients SET rescan_by = :by WHERE message = :message AND address = "
          ":address",
          {{"by", std::string(by)},
           {"message", std::string(message)},
           {"address", std::string(address)}})
      .status();
}

absl::Status Store::Annotate(sql::Session& session, const HoldRow& hold) {
  return session
      .Execute(
          "UPDATE holds SET note = :note, assigned_to = :assigned_to, version = :version WHERE "
          "message = :message",
          {{"note", hold.note},
           {"assigned_to", hold.assigned_to},
           {"version", hold.version},
           {"message", hold.message.id()}})
      .status();
}

absl::StatusOr<bool> Store::See(sql::Session& session, std::string_view message,
                                std::string_view by, int64_t at_us) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t changed,
      session.Execute("UPDATE holds SET seen_by = :by, seen_at_us = :at WHERE message = :message "
                      "AND seen_at_us = 0",
                      {{"by", std::string(by)}, {"at", at_us}, {"message", std::string(message)}}));
  return changed > 0;
}

absl::Status Store::AddHistory(sql::Session& session, std::string_view message,
                               const HistoryRow& row) {
  return session
      .Execute(
          "INSERT INTO hold_history (message, at_us, actor, what, recipient) VALUES (:message, "
          ":at, :actor, :what, :recipient) ON CONFLICT DO NOTHING",
          {{"message", std::string(message)},
           {"at", row.at_us},
           {"actor", row.actor},
           {"what", row.what},
           {"recipient", row.recipient}})
      .status();
}

absl::StatusOr<std::vector<HistoryRow>> Store::History(sql::Session& session,
                                                       std::string_view message) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                             session.Query("SELECT at_us, actor, what, recipient FROM hold_history "
                                           "WHERE message = :message ORDER BY at_us, what, "
                                           "recipient",
                                           {{"message", std::string(message)}}));
  std::vector<HistoryRow> history;
  for (const sql::Row& row : rows)
    history.push_back({row.Int(0), row.Text(1), row.Text(2), row.Text(3)});
  return history;
}

absl::Status Store::Erase(sql::Session& session, std::string_view message,
                          std::string_view address) {
  const sql::Parameters one = {{"message", std::string(message)}};
  const sql::Parameters both = {{"message", std::string(message)},
                                {"address", std::string(address)}};
  CLEANMAIL_RETURN_IF_ERROR(
      session
          .Execute("DELETE FROM held_recipients WHERE message = :message AND (:address = '' OR "
                   "address = :address)",
                   both)
          .status());
  CLEANMAIL_RETURN_IF_ERROR(
      session
          .Execute("DELETE FROM hold_history WHERE message = :message AND (:address = '' OR "
                   "recipient = :address)",
                   both)
          .status());
  return session
      .Execute(
          "DELETE FROM holds WHERE message = :message AND NOT EXISTS (SELECT 1 FROM "
          "held_recipients r WHERE r.message = holds.message)",
          one)
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
