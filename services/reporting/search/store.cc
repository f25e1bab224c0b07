#include "services/reporting/search/store.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/reporting/search/window.h"

namespace cleanmail::reporting {
namespace {

using rpc::resource::Filter;
using rpc::resource::MustEqual;

const sql::FilterColumns& MessageColumns() {
  static const sql::FilterColumns kColumns = {{"sender", {"m.sender", true}},
                                              {"recipient", {"r.address", true}},
                                              {"subject", {"m.subject"}},
                                              {"id", {"m.message"}},
                                              {"client_address", {"m.client_address"}},
                                              {"time", {"m.accepted_at_us"}},
                                              {"verdict", {"r.verdict"}},
                                              {"direction", {"m.direction"}},
                                              {"size", {"m.size"}},
                                              {"score", {"m.score"}},
                                              {"rule", {"r.rule"}},
                                              {"policy", {"r.policy"}},
                                              {"policy_version", {"r.policy_version"}},
                                              {"policy_scope", {"r.policy_scope"}},
                                              {"quarantine", {"r.quarantine"}},
                                              {"domain", {"r.domain", true}}};
  return kColumns;
}

const sql::FilterColumns& RefusalColumns() {
  static const sql::FilterColumns kColumns = {{"sender", {"sender", true}},
                                              {"recipient", {"recipient", true}},
                                              {"client_address", {"client_address"}},
                                              {"session", {"session"}},
                                              {"verb", {"verb"}},
                                              {"code", {"code"}},
                                              {"reason", {"reason"}},
                                              {"reply", {"reply"}},
                                              {"time", {"at_us"}}};
  return kColumns;
}

const sql::FilterColumns& AuditColumns() {
  static const sql::FilterColumns kColumns = {
      {"actor", {"actor"}},     {"permission", {"permission"}}, {"resource", {"resource"}},
      {"address", {"address"}}, {"allowed", {"allowed"}},       {"time", {"at_us"}}};
  return kColumns;
}

// Words stand for numbers in the tables: the tree's text becomes a number.
Filter Numbered(Filter filter, std::string_view field) {
  if (filter.field == field) {
    if (const auto* text = std::get_if<std::string>(&filter.value))
      filter.value = int64_t{std::stoll(*text)};
  }
  for (Filter& part : filter.below) part = Numbered(std::move(part), field);
  return filter;
}

std::string Number(int value) { return std::to_string(value); }

// Adds what the caller may see of things that belong to a domain and an account.
void AndVisible(const Scope& scope, std::string_view table, sql::Conditions& where) {
  const auto column = [&](std::string_view name) { return base::Cat(table, name); };
  if (!scope.tenant.empty()) where.AndEqual(column("tenant"), scope.tenant);
  if (!scope.visible.all_tenants) where.AndIn(column("tenant"), scope.visible.tenants);
  if (!scope.visible.all_domains) where.AndIn(column("domain"), scope.visible.domains);
  if (!scope.visible.user.empty()) where.AndEqual(column("account"), scope.visible.user);
}

void SetTime(int64_t us, google::protobuf::Timestamp* time) {
  time->set_seconds(us / 1'000'000);
  time->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

template <class T>
T Unpacked(const std::string& text) {
  std::string bytes;
  T message;
  if (absl::Base64Unescape(text, &bytes)) (void)message.ParseFromString(bytes);
  return message;
}

constexpr std::string_view kMessageColumns =
    "m.tenant, m.sender, m.subject, m.client_address, m.direction, m.size, m.score";

// Of a row of time, id and kMessageColumns.
v1::Message ToMessage(const sql::Row& row) {
  v1::Message message;
  message.set_name(base::Cat("tenants/", row.Text(2), "/messages/", row.Text(1)));
  SetTime(row.Int(0), message.mutable_accept_time());
  message.set_sender(row.Text(3));
  message.set_subject(row.Text(4));
  message.set_client_address(row.Text(5));
  message.set_direction(static_cast<mail::v1::Direction>(row.Int(6)));
  message.set_size(row.Int(7));
  message.set_score(row.Double(8));
  return message;
}

absl::Status AddRecipients(sql::Session& session, const Scope& scope, std::string_view id,
                           v1::Message& message) {
  sql::Conditions where;
  where.AndEqual("r.message", std::string(id));
  AndVisible(scope, "r.", where);
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(base::Cat("SELECT recipient, verdict, verdict_at_us, rule, reason, policy, "
                              "policy_version, policy_scope, quarantine, reply, attempts, would_be "
                              "FROM message_recipients r WHERE ",
                              where.text(), " ORDER BY recipient"),
                    where.parameters()));
  for (const sql::Row& row : rows) {
    v1::Recipient& recipient = *message.add_recipients();
    recipient.set_address(row.Text(0));
    recipient.set_verdict(static_cast<v1::Verdict>(row.Int(1)));
    SetTime(row.Int(2), recipient.mutable_verdict_time());
    recipient.set_rule(row.Text(3));
    recipient.set_reason(row.Text(4));
    recipient.set_policy(row.Text(5));
    recipient.set_policy_version(row.Int(6));
    recipient.set_policy_scope(row.Text(7));
    recipient.set_quarantine(row.Text(8));
    recipient.set_remote_reply(row.Text(9));
    recipient.set_attempts(static_cast<int32_t>(row.Int(10)));
    if (!row.Text(11).empty())
      *recipient.mutable_would_be() = Unpacked<mail::v1::WouldBe>(row.Text(11));
  }
  return absl::OkStatus();
}

// What happened to recipients the message shows, or to all of them.
absl::Status AddEntries(sql::Session& session, const Scope& scope, std::string_view id,
                        v1::Message& message) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT at_us, what, recipient, detail FROM entries WHERE message = :message "
                    "ORDER BY at_us, what, recipient",
                    {{"message", std::string(id)}}));
  const bool sees_all = scope.visible.all_domains && scope.visible.user.empty();
  for (const sql::Row& row : rows) {
    const bool is_shown =
        sees_all || row.Text(2).empty() ||
        std::ranges::any_of(message.recipients(), [&](const v1::Recipient& recipient) {
          return recipient.address() == row.Text(2);
        });
    if (!is_shown) continue;
    v1::Entry& entry = *message.add_entries();
    SetTime(row.Int(0), entry.mutable_time());
    entry.set_what(row.Text(1));
    entry.set_recipient(row.Text(2));
    entry.set_detail(row.Text(3));
  }
  return absl::OkStatus();
}

// Chooses the index a search of messages goes by.
List MessageList(const Scope& scope, const Filter& filter) {
  constexpr std::string_view kByMessage = "messages m CROSS JOIN message_recipients r";
  constexpr std::string_view kByRecipient = "message_recipients r CROSS JOIN messages m";
  List list = {.narrow = "messages m",
               .at = "m.accepted_at_us",
               .id = "m.message",
               .from = kByMessage,
               .columns = kMessageColumns};
  const auto by_recipient = [&](std::string_view column, std::string value) {
    list.narrow = "message_recipients r";
    list.at = "r.accepted_at_us";
    list.id = "r.message";
    list.from = kByRecipient;
    list.prefix.AndEqual(column, std::move(value));
  };
  const auto lower = [](const std::string& text) { return absl::AsciiStrToLower(text); };
  if (const std::string* const id = MustEqual(filter, "id")) {
    list.prefix.AndEqual("m.message", *id);
    list.is_small = true;
  } else if (const std::string* const recipient = MustEqual(filter, "recipient")) {
    by_recipient("r.address", lower(*recipient));
  } else if (!scope.visible.user.empty()) {
    by_recipient("r.account", scope.visible.user);
  } else if (const std::string* const sender = MustEqual(filter, "sender")) {
    list.prefix.AndEqual("m.sender", lower(*sender));
  } else if (!scope.tenant.empty()) {
    list.prefix.AndEqual("m.tenant", scope.tenant);
  }
  list.where = list.prefix;
  return list;
}

List TenantList(const Scope& scope, std::string_view table, std::string_view id,
                std::string_view columns) {
  List list = {.narrow = table, .at = "at_us", .id = id, .from = table, .columns = columns};
  if (!scope.tenant.empty()) list.prefix.AndEqual("tenant", scope.tenant);
  list.where = list.prefix;
  return list;
}

}  // namespace

absl::StatusOr<Page<v1::Message>> Search::Messages(const Scope& scope, const Filter& filter,
                                                   const PageOf& page) {
  List list = MessageList(scope, filter);
  list.where.And("r.message = m.message");
  AndVisible(scope, "r.", list.where);
  CLEANMAIL_RETURN_IF_ERROR(
      list.where.AndFilter(Numbered(Numbered(filter, "verdict"), "direction"), MessageColumns()));
  Page<v1::Message> found;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    std::vector<std::string> ids;
    CLEANMAIL_ASSIGN_OR_RETURN(found.next,
                               Walk(session, list, page, bounds_, [&](const sql::Row& row) {
                                 found.items.push_back(ToMessage(row));
                                 ids.push_back(row.Text(1));
                               }));
    for (size_t i = 0; i < ids.size(); ++i)
      CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, scope, ids[i], found.items[i]));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<v1::Message> Search::Message(const Scope& scope, std::string_view id) {
  absl::StatusOr<v1::Message> found = authz::NoSuchResource();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    sql::Conditions where;
    where.AndEqual("m.message", std::string(id));
    if (!scope.tenant.empty()) where.AndEqual("m.tenant", scope.tenant);
    if (!scope.visible.all_tenants) where.AndIn("m.tenant", scope.visible.tenants);
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat("SELECT m.accepted_at_us, m.message, ", kMessageColumns,
                                ", m.findings FROM messages m WHERE ", where.text()),
                      where.parameters()));
    if (rows.empty()) return absl::OkStatus();
    v1::Message message = ToMessage(rows[0]);
    *message.mutable_findings() = Unpacked<scanner::v1::MailScanned>(rows[0].Text(9)).findings();
    CLEANMAIL_RETURN_IF_ERROR(AddRecipients(session, scope, id, message));
    const bool sees_all = scope.visible.all_domains && scope.visible.user.empty();
    if (message.recipients().empty() && !sees_all) return absl::OkStatus();
    CLEANMAIL_RETURN_IF_ERROR(AddEntries(session, scope, id, message));
    found = std::move(message);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<Page<v1::Refusal>> Search::Refusals(const Scope& scope, const Filter& filter,
                                                   const PageOf& page) {
  List list = TenantList(scope, "refusals", "refusal",
                         "tenant, session, client_address, helo, sender, recipient, verb, code, "
                         "reply, reason");
  AndVisible(scope, "", list.where);
  CLEANMAIL_RETURN_IF_ERROR(list.where.AndFilter(filter, RefusalColumns()));
  Page<v1::Refusal> found;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        found.next, Walk(session, list, page, bounds_, [&](const sql::Row& row) {
          v1::Refusal& refusal = found.items.emplace_back();
          refusal.set_name(base::Cat("tenants/", row.Text(2), "/refusals/", row.Text(1)));
          SetTime(row.Int(0), refusal.mutable_time());
          refusal.set_session(row.Text(3));
          refusal.set_client_address(row.Text(4));
          refusal.set_helo(row.Text(5));
          refusal.set_sender(row.Text(6));
          refusal.set_recipient(row.Text(7));
          refusal.set_verb(row.Text(8));
          refusal.set_code(row.Text(9));
          refusal.set_reply(row.Text(10));
          refusal.set_reason(row.Text(11));
        }));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<Page<v1::AuditEntry>> Search::Audit(const Scope& scope, const Filter& filter,
                                                   const PageOf& page) {
  List list = TenantList(scope, "audit_entries", "entry",
                         "tenant, actor, permission, resource, allowed, state_before, state_after, "
                         "address, trace");
  if (!scope.visible.all_tenants) {
    list.where.AndIn("tenant", scope.visible.tenants);
    // Who tried in vain may be another tenant's person: that is not this tenant's to read.
    list.where.And("allowed = 1");
  }
  CLEANMAIL_RETURN_IF_ERROR(list.where.AndFilter(Numbered(filter, "allowed"), AuditColumns()));
  Page<v1::AuditEntry> found;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        found.next, Walk(session, list, page, bounds_, [&](const sql::Row& row) {
          v1::AuditEntry& entry = found.items.emplace_back();
          entry.set_name(base::Cat("tenants/", row.Text(2), "/auditEntries/", row.Text(1)));
          SetTime(row.Int(0), entry.mutable_time());
          entry.set_actor(row.Text(3));
          entry.set_permission(row.Text(4));
          entry.set_resource(row.Text(5));
          entry.set_allowed(row.Int(6) != 0);
          entry.set_before(row.Text(7));
          entry.set_after(row.Text(8));
          entry.set_address(row.Text(9));
          entry.set_trace(row.Text(10));
        }));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<v1::Count>> Search::Counts(const Scope& scope, int64_t from_us,
                                                      int64_t to_us, int64_t step_us,
                                                      int64_t limit) {
  sql::Conditions where;
  where.And("hour_us >= :from AND hour_us < :to AND recipients > 0");
  if (!scope.tenant.empty()) where.AndEqual("tenant", scope.tenant);
  if (!scope.visible.all_tenants) where.AndIn("tenant", scope.visible.tenants);
  if (!scope.visible.all_domains) where.AndIn("domain", scope.visible.domains);
  sql::Parameters parameters = {{"step", step_us}, {"from", from_us}, {"to", to_us}};
  for (sql::Parameter& parameter : where.parameters()) parameters.push_back(std::move(parameter));
  parameters.push_back({"limit", limit});
  std::vector<v1::Count> counts;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            base::Cat("SELECT begins, tenant, domain, direction, verdict, SUM(recipients) FROM "
                      "(SELECT hour_us - hour_us % :step AS begins, tenant, domain, direction, "
                      "verdict, recipients FROM counts WHERE ",
                      where.text(),
                      ") c GROUP BY begins, tenant, domain, direction, verdict ORDER BY begins, "
                      "tenant, domain, direction, verdict LIMIT :limit"),
            parameters));
    for (const sql::Row& row : rows) {
      v1::Count& count = counts.emplace_back();
      SetTime(row.Int(0), count.mutable_start_time());
      count.set_tenant(base::Cat("tenants/", row.Text(1)));
      count.set_domain(row.Text(2));
      count.set_direction(static_cast<mail::v1::Direction>(row.Int(3)));
      count.set_verdict(static_cast<v1::Verdict>(row.Int(4)));
      count.set_recipients(row.Int(5));
    }
    return absl::OkStatus();
  }));
  return counts;
}

const rpc::resource::FilterSchema& MessageSchema() {
  using rpc::resource::FieldType;
  static const rpc::resource::FilterSchema kSchema = {
      .fields = {{"sender", {}},
                 {"recipient", {}},
                 {"subject", {}},
                 {"id", {}},
                 {"client_address", {}},
                 {"rule", {}},
                 {"policy", {}},
                 {"policy_scope", {}},
                 {"quarantine", {}},
                 {"domain", {}},
                 {"policy_version", {.type = FieldType::kInteger}},
                 {"size", {.type = FieldType::kInteger}},
                 {"score", {.type = FieldType::kNumber}},
                 {"time", {.type = FieldType::kTime}},
                 {"direction",
                  {.type = FieldType::kWord,
                   .words = {{"inbound", Number(mail::v1::DIRECTION_INBOUND)},
                             {"outbound", Number(mail::v1::DIRECTION_OUTBOUND)}}}},
                 {"verdict",
                  {.type = FieldType::kWord,
                   .words = {{"accepted", Number(v1::VERDICT_ACCEPTED)},
                             {"delivered", Number(v1::VERDICT_DELIVERED)},
                             {"deferred", Number(v1::VERDICT_DEFERRED)},
                             {"held", Number(v1::VERDICT_HELD)},
                             {"released", Number(v1::VERDICT_RELEASED)},
                             {"discarded", Number(v1::VERDICT_DISCARDED)},
                             {"redirected", Number(v1::VERDICT_REDIRECTED)},
                             {"failed", Number(v1::VERDICT_FAILED)},
                             {"deleted", Number(v1::VERDICT_DELETED)},
                             {"expired", Number(v1::VERDICT_EXPIRED)}}}}},
      .bare = "subject"};
  return kSchema;
}

const rpc::resource::FilterSchema& RefusalSchema() {
  static const rpc::resource::FilterSchema kSchema = {
      .fields = {{"sender", {}},
                 {"recipient", {}},
                 {"client_address", {}},
                 {"session", {}},
                 {"verb", {}},
                 {"code", {}},
                 {"reason", {}},
                 {"reply", {}},
                 {"time", {.type = rpc::resource::FieldType::kTime}}},
      .bare = "reply"};
  return kSchema;
}

const rpc::resource::FilterSchema& AuditSchema() {
  using rpc::resource::FieldType;
  static const rpc::resource::FilterSchema kSchema = {
      .fields = {{"actor", {}},
                 {"permission", {}},
                 {"resource", {}},
                 {"address", {}},
                 {"allowed", {.type = FieldType::kWord, .words = {{"yes", "1"}, {"no", "0"}}}},
                 {"time", {.type = FieldType::kTime}}},
      .bare = "resource"};
  return kSchema;
}

}  // namespace cleanmail::reporting
