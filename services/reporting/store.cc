#include "services/reporting/store.h"

#include <map>
#include <string>
#include <tuple>

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

// A message is written by whichever event of it comes first; scans add what they found. Each event
// has all the others have but for the scan, so the newest scan's row stands for all.
absl::Status WriteMessages(sql::Session& session, std::span<const Changes> events) {
  std::map<std::string_view, const MessageRow*> newest;
  for (const Changes& event : events) {
    for (const MessageRow& row : event.messages) {
      const MessageRow*& known = newest[row.message];
      if (known == nullptr || row.generation > known->generation) known = &row;
    }
  }
  std::vector<sql::Parameters> parameters;
  parameters.reserve(newest.size());
  for (const auto& [message, row] : newest) parameters.push_back(ToParameters(*row));
  return session.ExecuteMany(
      "INSERT INTO messages (message, tenant, sender, subject, client_address, direction, size, "
      "score, generation, accepted_at_us, findings) VALUES (:message, :tenant, :sender, :subject, "
      ":client_address, :direction, :size, :score, :generation, :accepted_at, :findings) "
      "ON CONFLICT (message) DO UPDATE SET score = excluded.score, generation = "
      "excluded.generation, findings = excluded.findings "
      "WHERE excluded.generation > messages.generation",
      parameters);
}

absl::Status WriteEntries(sql::Session& session, std::span<const Changes> events) {
  std::vector<sql::Parameters> parameters;
  for (const Changes& event : events) {
    for (const Entry& entry : event.entries) {
      parameters.push_back({{"message", entry.message},
                            {"at", entry.at_us},
                            {"what", entry.what},
                            {"recipient", entry.recipient},
                            {"detail", entry.detail}});
    }
  }
  return session.ExecuteMany(
      "INSERT INTO entries (message, at_us, what, recipient, detail) VALUES (:message, :at, :what, "
      ":recipient, :detail) ON CONFLICT DO NOTHING",
      parameters);
}

absl::StatusOr<RecipientRow> Find(sql::Session& session, const RecipientRow& key) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query("SELECT tenant, address, domain, account, direction, accepted_at_us, "
                    "generation, verdict, verdict_at_us, rule, reason, policy, policy_version, "
                    "policy_scope, quarantine, would_be, reply, attempts FROM message_recipients "
                    "WHERE message = :message AND recipient = :recipient",
                    {{"message", key.message}, {"recipient", key.recipient}}));
  if (rows.empty()) return absl::AbortedError("the recipient has just been forgotten");
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

// False: the recipient is known already.
absl::StatusOr<bool> Insert(sql::Session& session, const RecipientRow& row) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t added,
      session.Execute(
          "INSERT INTO message_recipients (message, recipient, tenant, address, domain, account, "
          "direction, accepted_at_us, generation, verdict, verdict_at_us, rule, reason, policy, "
          "policy_version, policy_scope, quarantine, would_be, reply, attempts) VALUES (:message, "
          ":recipient, :tenant, :address, :domain, :account, :direction, :accepted_at, "
          ":generation, :verdict, :verdict_at, :rule, :reason, :policy, :policy_version, "
          ":policy_scope, :quarantine, :would_be, :reply, :attempts) ON CONFLICT DO NOTHING",
          AllOf(row)));
  return added > 0;
}

absl::Status Update(sql::Session& session, const RecipientRow& row, const RecipientRow& before) {
  constexpr std::string_view kState =
      "UPDATE message_recipients SET generation = :generation, verdict = :verdict, verdict_at_us = "
      ":verdict_at, rule = :rule, reason = :reason, policy = :policy, policy_version = "
      ":policy_version, policy_scope = :policy_scope, quarantine = :quarantine, would_be = "
      ":would_be, reply = :reply, attempts = :attempts";
  constexpr std::string_view kWhere = " WHERE message = :message AND recipient = :recipient";
  // What indexes stand on is written again only when it became known: that is dear.
  if (before.accepted_at_us == row.accepted_at_us)
    return session.Execute(base::Cat(kState, kWhere), StateOf(row)).status();
  return session
      .Execute(base::Cat(kState,
                         ", tenant = :tenant, address = :address, domain = :domain, account = "
                         ":account, direction = :direction, accepted_at_us = :accepted_at",
                         kWhere),
               AllOf(row))
      .status();
}

using Said = std::vector<const RecipientChange*>;

// Writes a recipient once, with all that is said of him. Most are new: that is tried first.
absl::Status WriteRecipient(sql::Session& session, const Said& said, CountChanges& counts) {
  const RecipientRow& first = said.front()->row;
  RecipientRow now{.message = first.message,
                   .recipient = first.recipient,
                   .tenant = first.tenant,
                   .address = first.address,
                   .domain = {},
                   .account = {},
                   .decision = {},
                   .reply = {}};
  for (const RecipientChange* change : said) Apply(*change, now);
  CLEANMAIL_ASSIGN_OR_RETURN(const bool is_new, Insert(session, now));
  if (!is_new) {
    CLEANMAIL_ASSIGN_OR_RETURN(const RecipientRow before, Find(session, first));
    now = before;
    for (const RecipientChange* change : said) Apply(*change, now);
    if (before == now) return absl::OkStatus();
    CLEANMAIL_RETURN_IF_ERROR(Update(session, now, before));
    Count(before, -1, counts);
  }
  Count(now, 1, counts);
  return absl::OkStatus();
}

absl::Status WriteRecipients(sql::Session& session, std::span<const Changes> events,
                             CountChanges& counts) {
  std::map<std::pair<std::string_view, std::string_view>, Said> recipients;
  for (const Changes& event : events) {
    for (const RecipientChange& change : event.recipients)
      recipients[{change.row.message, change.row.recipient}].push_back(&change);
  }
  for (const auto& [key, said] : recipients)
    CLEANMAIL_RETURN_IF_ERROR(WriteRecipient(session, said, counts));
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

absl::Status Store::Record(std::span<const Changes> events) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CountChanges counts;
    CLEANMAIL_RETURN_IF_ERROR(WriteMessages(session, events));
    CLEANMAIL_RETURN_IF_ERROR(WriteRecipients(session, events, counts));
    CLEANMAIL_RETURN_IF_ERROR(WriteEntries(session, events));
    for (const Changes& event : events) {
      CLEANMAIL_RETURN_IF_ERROR(WriteRefusals(session, event.refusals, counts));
      CLEANMAIL_RETURN_IF_ERROR(WriteAudit(session, event.audit));
    }
    return WriteCounts(session, counts);
  });
}

}  // namespace cleanmail::reporting
