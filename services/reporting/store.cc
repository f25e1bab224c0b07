#include "services/reporting/store.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/reporting/migrations.h"

namespace cleanmail::reporting {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1'000'000;

// What is counted: hour, tenant, domain, direction, verdict; and by how much it changes.
using CountKey = std::tuple<int64_t, std::string, std::string, int64_t, int64_t>;
using CountChanges = std::map<CountKey, int64_t>;

void Count(const RecipientRow& row, int64_t by, CountChanges& counts) {
  if (row.accepted_at_us == 0 || row.verdict == v1::VERDICT_UNSPECIFIED) return;
  counts[{row.accepted_at_us / kHour * kHour, row.tenant, row.domain, row.direction,
          row.verdict}] += by;
}

sql::Parameters ToParameters(const MessageRow& row) {
  return {{"message", row.message},
          {"tenant", row.tenant},
          {"sender", row.sender},
          {"subject", row.subject},
          {"client_address", row.client_address},
          {"direction", row.direction},
          {"size", row.size},
          {"score", row.score},
          {"generation", row.generation},
          {"accepted_at", row.accepted_at_us},
          {"findings", row.findings}};
}

// A message is written by whichever event of it comes first; scans add what they found.
absl::Status WriteMessages(sql::Session& session, const std::vector<MessageRow>& rows) {
  std::vector<sql::Parameters> parameters;
  for (const MessageRow& row : rows) parameters.push_back(ToParameters(row));
  return session.ExecuteMany(
      "INSERT INTO messages (message, tenant, sender, subject, client_address, direction, size, "
      "score, generation, accepted_at_us, findings) VALUES (:message, :tenant, :sender, :subject, "
      ":client_address, :direction, :size, :score, :generation, :accepted_at, :findings) "
      "ON CONFLICT (message) DO UPDATE SET score = excluded.score, generation = "
      "excluded.generation, findings = excluded.findings "
      "WHERE excluded.generation > messages.generation",
      parameters);
}

absl::Status WriteEntries(sql::Session& session, const std::vector<Entry>& entries) {
  std::vector<sql::Parameters> parameters;
  for (const Entry& entry : entries) {
    parameters.push_back({{"message", entry.message},
                          {"at", entry.at_us},
                          {"what", entry.what},
                          {"recipient", entry.recipient},
                          {"detail", entry.detail}});
  }
  return session.ExecuteMany(
      "INSERT INTO entries (message, at_us, what, recipient, detail) VALUES (:message, :at, :what, "
      ":recipient, :detail) ON CONFLICT DO NOTHING",
      parameters);
}

absl::StatusOr<std::optional<RecipientRow>> Find(sql::Session& session, const RecipientRow& key) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT tenant, address, domain, account, direction, accepted_at_us, "
                    "generation, verdict, verdict_at_us, rule, reason, policy, policy_version, "
                    "policy_scope, quarantine, would_be, reply, attempts FROM message_recipients "
                    "WHERE message = :message AND recipient = :recipient",
                    {{"message", key.message}, {"recipient", key.recipient}}));
  if (rows.empty()) return std::nullopt;
  const sql::Row& row = rows[0];
  return RecipientRow{.message = key.message,
                      .recipient = key.recipient,
                      .tenant = row.Text(0),
                      .address = row.Text(1),
                      .domain = row.Text(2),
                      .account = row.Text(3),
                      .direction = row.Int(4),
                      .accepted_at_us = row.Int(5),
                      .decision = {.generation = row.Int(6),
                                   .rule = row.Text(9),
                                   .reason = row.Text(10),
                                   .policy = row.Text(11),
                                   .policy_version = row.Int(12),
                                   .policy_scope = row.Text(13),
                                   .quarantine = row.Text(14),
                                   .would_be = row.Text(15)},
                      .verdict = row.Int(7),
                      .verdict_at_us = row.Int(8),
                      .reply = row.Text(16),
                      .attempts = row.Int(17)};
}

sql::Parameters StateOf(const RecipientRow& row) {
  return {{"message", row.message},
          {"recipient", row.recipient},
          {"generation", row.decision.generation},
          {"verdict", row.verdict},
          {"verdict_at", row.verdict_at_us},
          {"rule", row.decision.rule},
          {"reason", row.decision.reason},
          {"policy", row.decision.policy},
          {"policy_version", row.decision.policy_version},
          {"policy_scope", row.decision.policy_scope},
          {"quarantine", row.decision.quarantine},
          {"would_be", row.decision.would_be},
          {"reply", row.reply},
          {"attempts", row.attempts}};
}

sql::Parameters AllOf(const RecipientRow& row) {
  sql::Parameters all = StateOf(row);
  all.insert(all.end(), {{"tenant", row.tenant},
                         {"address", row.address},
                         {"domain", row.domain},
                         {"account", row.account},
                         {"direction", row.direction},
                         {"accepted_at", row.accepted_at_us}});
  return all;
}

absl::Status Write(sql::Session& session, const RecipientRow& row,
                   const std::optional<RecipientRow>& before) {
  if (!before.has_value()) {
    return session
        .Execute(
            "INSERT INTO message_recipients (message, recipient, tenant, address, domain, account, "
            "direction, accepted_at_us, generation, verdict, verdict_at_us, rule, reason, policy, "
            "policy_version, policy_scope, quarantine, would_be, reply, attempts) VALUES "
            "(:message, "
            ":recipient, :tenant, :address, :domain, :account, :direction, :accepted_at, "
            ":generation, :verdict, :verdict_at, :rule, :reason, :policy, :policy_version, "
            ":policy_scope, :quarantine, :would_be, :reply, :attempts)",
            AllOf(row))
        .status();
  }
  constexpr std::string_view kState =
      "UPDATE message_recipients SET generation = :generation, verdict = :verdict, verdict_at_us = "
      ":verdict_at, rule = :rule, reason = :reason, policy = :policy, policy_version = "
      ":policy_version, policy_scope = :policy_scope, quarantine = :quarantine, would_be = "
      ":would_be, reply = :reply, attempts = :attempts";
  constexpr std::string_view kWhere = " WHERE message = :message AND recipient = :recipient";
  // What indexes stand on is written again only when it became known: that is dear.
  if (before->accepted_at_us == row.accepted_at_us)
    return session.Execute(base::Cat(kState, kWhere), StateOf(row)).status();
  return session
      .Execute(base::Cat(kState,
                         ", tenant = :tenant, address = :address, domain = :domain, account = "
                         ":account, direction = :direction, accepted_at_us = :accepted_at",
                         kWhere),
               AllOf(row))
      .status();
}

// Reads each recipient once, applies all changes of the batch, writes it once.
absl::Status WriteRecipients(sql::Session& session, const std::vector<RecipientChange>& changes,
                             CountChanges& counts) {
  struct State {
    std::optional<RecipientRow> before;
    RecipientRow now;
  };
  std::map<std::pair<std::string, std::string>, State> states;
  for (const RecipientChange& change : changes) {
    const auto [place, is_new] =
        states.try_emplace({change.row.message, change.row.recipient}, State{});
    State& state = place->second;
    if (is_new) {
      CLEANMAIL_ASSIGN_OR_RETURN(state.before, Find(session, change.row));
      state.now = state.before.value_or(RecipientRow{.message = change.row.message,
                                                     .recipient = change.row.recipient,
                                                     .tenant = change.row.tenant,
                                                     .address = change.row.address,
                                                     .domain = {},
                                                     .account = {},
                                                     .decision = {},
                                                     .reply = {}});
    }
    Apply(change, state.now);
  }
  for (const auto& [key, state] : states) {
    if (state.before == state.now) continue;
    CLEANMAIL_RETURN_IF_ERROR(Write(session, state.now, state.before));
    if (state.before.has_value()) Count(*state.before, -1, counts);
    Count(state.now, 1, counts);
  }
  return absl::OkStatus();
}

absl::Status WriteRefusals(sql::Session& session, const std::vector<RefusalRow>& rows,
                           CountChanges& counts) {
  for (const RefusalRow& row : rows) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const int64_t added,
        session.Execute(
            "INSERT INTO refusals (refusal, tenant, domain, account, at_us, session, "
            "client_address, helo, sender, recipient, verb, code, reply, reason) VALUES (:refusal, "
            ":tenant, :domain, :account, :at, :session, :client_address, :helo, :sender, "
            ":recipient, :verb, :code, :reply, :reason) ON CONFLICT DO NOTHING",
            {{"refusal", row.refusal},
             {"tenant", row.tenant},
             {"domain", row.domain},
             {"account", row.account},
             {"at", row.at_us},
             {"session", row.session},
             {"client_address", row.client_address},
             {"helo", row.helo},
             {"sender", row.sender},
             {"recipient", row.recipient},
             {"verb", row.verb},
             {"code", row.code},
             {"reply", row.reply},
             {"reason", row.reason}}));
    if (added > 0)
      counts[{row.at_us / kHour * kHour, row.tenant, row.domain, mail::v1::DIRECTION_INBOUND,
              v1::VERDICT_REFUSED}] += 1;
  }
  return absl::OkStatus();
}

absl::Status WriteAudit(sql::Session& session, const std::vector<AuditRow>& rows) {
  std::vector<sql::Parameters> parameters;
  for (const AuditRow& row : rows) {
    parameters.push_back({{"entry", row.entry},
                          {"tenant", row.tenant},
                          {"at", row.at_us},
                          {"actor", row.actor},
                          {"permission", row.permission},
                          {"resource", row.resource},
                          {"allowed", int64_t{row.allowed}},
                          {"before", row.before},
                          {"after", row.after},
                          {"address", row.address},
                          {"trace", row.trace}});
  }
  return session.ExecuteMany(
      "INSERT INTO audit_entries (entry, tenant, at_us, actor, permission, resource, allowed, "
      "state_before, state_after, address, trace) VALUES (:entry, :tenant, :at, :actor, "
      ":permission, :resource, :allowed, :before, :after, :address, :trace) ON CONFLICT DO NOTHING",
      parameters);
}

absl::Status WriteCounts(sql::Session& session, const CountChanges& counts) {
  std::vector<sql::Parameters> parameters;
  for (const auto& [key, by] : counts) {
    if (by == 0) continue;
    const auto& [hour, tenant, domain, direction, verdict] = key;
    parameters.push_back({{"hour", hour},
                          {"tenant", tenant},
                          {"domain", domain},
                          {"direction", direction},
                          {"verdict", verdict},
                          {"by", by}});
  }
  return session.ExecuteMany(
      "INSERT INTO counts (hour_us, tenant, domain, direction, verdict, recipients) VALUES (:hour, "
      ":tenant, :domain, :direction, :verdict, :by) ON CONFLICT (hour_us, tenant, domain, "
      "direction, verdict) DO UPDATE SET recipients = counts.recipients + excluded.recipients",
      parameters);
}

}  // namespace

std::vector<sql::Migration> Migrations() { return {{1, "story", kMigration0001Story}}; }

absl::Status Store::Record(const Changes& changes) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CountChanges counts;
    CLEANMAIL_RETURN_IF_ERROR(WriteMessages(session, changes.messages));
    CLEANMAIL_RETURN_IF_ERROR(WriteRecipients(session, changes.recipients, counts));
    CLEANMAIL_RETURN_IF_ERROR(WriteEntries(session, changes.entries));
    CLEANMAIL_RETURN_IF_ERROR(WriteRefusals(session, changes.refusals, counts));
    CLEANMAIL_RETURN_IF_ERROR(WriteAudit(session, changes.audit));
    return WriteCounts(session, counts);
  });
}

}  // namespace cleanmail::reporting
