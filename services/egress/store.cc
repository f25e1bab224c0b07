#include "services/egress/store.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/outbox/outbox.h"
#include "services/egress/migrations.h"

namespace cleanmail::egress {
namespace {

constexpr char kSeparator = '\n';  // cannot occur in an address
constexpr std::string_view kColumns =
    "SELECT id, stage, destination, recipients, attempts, created_at_us, next_attempt_at_us, "
    "last_reply, body, content, actions, parked, delay_told FROM deliveries ";

std::string Joined(const std::vector<std::string>& recipients) {
  return absl::StrJoin(recipients, std::string(1, kSeparator));
}

// Actions as text for a column; empty without any.
std::string ToText(const std::vector<mail::v1::Action>& actions) {
  mail::v1::RecipientGroup group;  // carries them
  for (const mail::v1::Action& action : actions) *group.add_actions() = action;
  return absl::Base64Escape(group.SerializeAsString());
}

absl::StatusOr<Delivery> ToDelivery(const sql::Row& row) {
  Delivery delivery{.id = row.Text(0),
                    .stage = row.Text(1),
                    .destination = row.Text(2),
                    .recipients = absl::StrSplit(row.Text(3), kSeparator, absl::SkipEmpty()),
                    .attempts = static_cast<int32_t>(row.Int(4)),
                    .created_at_us = row.Int(5),
                    .next_attempt_at_us = row.Int(6),
                    .last_reply = row.Text(7),
                    .message = {},
                    .actions = {},
                    .delay_told = row.Int(12) != 0,
                    .parked = row.Int(11) != 0,
                    .content = {}};
  std::string bytes;
  if (!absl::Base64Unescape(row.Text(8), &bytes) || !delivery.message.ParseFromString(bytes) ||
      !absl::Base64Unescape(row.Text(9), &delivery.content)) {
    return absl::DataLossError(
        base::Cat("delivery ", delivery.id, " cannot be read from the table"));
  }
  if (!row.Text(10).empty()) {
    mail::v1::RecipientGroup group;
    if (!absl::Base64Unescape(row.Text(10), &bytes) || !group.ParseFromString(bytes)) {
      return absl::DataLossError(
          base::Cat("the changes of delivery ", delivery.id, " cannot be read from the table"));
    }
    delivery.actions.assign(group.actions().begin(), group.actions().end());
  }
  return delivery;
}

absl::StatusOr<std::vector<Delivery>> ToDeliveries(const std::vector<sql::Row>& rows) {
  std::vector<Delivery> deliveries;
  for (const sql::Row& row : rows) {
    CLEANMAIL_ASSIGN_OR_RETURN(deliveries.emplace_back(), ToDelivery(row));
  }
  return deliveries;
}

}  // namespace

std::vector<sql::Migration> Migrations() {
  return {{1, "deliveries", kMigration0001Deliveries},
          {2, "outbox", outbox::kMigration},
          {3, "destinations", kMigration0003Destinations},
          {4, "members", sql::kMembersMigration}};
}

std::string DestinationOf(const std::string& address) {
  const std::string domain = address.substr(address.rfind('@') + 1);
  if (domain.starts_with('[')) return domain;
  const absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
  return normal.ok() ? *normal : domain;  // only what can be normalised has come so far
}

std::string PageKey(const Delivery& delivery) {
  return base::Cat(absl::StrFormat("%020d", delivery.created_at_us), delivery.id);
}

absl::StatusOr<bool> Store::Insert(sql::Session& session, const Delivery& delivery,
                                   std::string_view owner) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t added,
      session.Execute("INSERT INTO deliveries (id, message, tenant, stage, destination, "
                      "recipients, attempts, created_at_us, next_attempt_at_us, "
                      "last_reply, claimed_by, done_at_us, body, content, actions, parked, "
                      "delay_told) VALUES "
                      "(:id, :message, :tenant, :stage, :destination, :recipients, "
                      ":attempts, :created_at, :next_attempt_at, :last_reply, :claimed_by, 0, "
                      ":body, :content, :actions, :parked, :delay_told) ON CONFLICT DO NOTHING",
                      {{"id", delivery.id},
                       {"message", delivery.message.id()},
                       {"tenant", delivery.message.tenant()},
                       {"stage", delivery.stage},
                       {"destination", delivery.destination},
                       {"recipients", Joined(delivery.recipients)},
                       {"attempts", int64_t{delivery.attempts}},
                       {"created_at", delivery.created_at_us},
                       {"next_attempt_at", delivery.next_attempt_at_us},
                       {"last_reply", delivery.last_reply},
                       {"claimed_by", std::string(owner)},
                       {"body", absl::Base64Escape(delivery.message.SerializeAsString())},
                       {"content", absl::Base64Escape(delivery.content)},
                       {"actions", ToText(delivery.actions)},
                       {"parked", int64_t{delivery.parked ? 1 : 0}},
                       {"delay_told", int64_t{delivery.delay_told ? 1 : 0}}}));
  return added > 0;
}

absl::Status Store::Finish(sql::Session& session, std::string_view id, std::string_view last_reply,
                           int64_t now_us) {
  return session
      .Execute(
          "UPDATE deliveries SET recipients = '', last_reply = :last_reply, claimed_by = '', "
          "done_at_us = :now, body = '', content = '', actions = '', parked = 0 WHERE id = :id",
          {{"last_reply", std::string(last_reply)}, {"now", now_us}, {"id", std::string(id)}})
      .status();
}

absl::Status Store::Defer(sql::Session& session, const Delivery& delivery) {
  return session
      .Execute(
          "UPDATE deliveries SET recipients = :recipients, attempts = :attempts, "
          "next_attempt_at_us = :next_attempt_at, last_reply = :last_reply, "
          "delay_told = :delay_told, claimed_by = '' WHERE id = :id AND claimed_by = :claimed_by",
          {{"recipients", Joined(delivery.recipients)},
           {"attempts", int64_t{delivery.attempts}},
           {"next_attempt_at", delivery.next_attempt_at_us},
           {"last_reply", delivery.last_reply},
           {"delay_told", int64_t{delivery.delay_told ? 1 : 0}},
           {"id", delivery.id},
           {"claimed_by", delivery.claimed_by}})
      .status();
}

absl::StatusOr<std::vector<Delivery>> Store::ClaimDue(std::string_view owner, int64_t now_us,
                                                      int64_t limit) {
  std::vector<Delivery> due;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kColumns,
                                "WHERE done_at_us = 0 AND claimed_by = '' AND parked = 0 AND "
                                "next_attempt_at_us <= :now "
                                "ORDER BY next_attempt_at_us LIMIT :limit"),
                      {{"now", now_us}, {"limit", limit}}));
    CLEANMAIL_ASSIGN_OR_RETURN(due, ToDeliveries(rows));
    std::vector<sql::Parameters> claims;
    for (Delivery& delivery : due) {
      delivery.claimed_by = owner;
      claims.push_back({{"owner", std::string(owner)}, {"id", delivery.id}});
    }
    return session.ExecuteMany("UPDATE deliveries SET claimed_by = :owner WHERE id = :id", claims);
  }));
  return due;
}

absl::Status Store::Park(sql::Session& session, const Delivery& delivery) {
  return session
      .Execute(
          "UPDATE deliveries SET parked = 1, claimed_by = '', last_reply = :last_reply, "
          "next_attempt_at_us = :next_attempt_at WHERE id = :id AND claimed_by = :claimed_by",
          {{"last_reply", delivery.last_reply},
           {"next_attempt_at", delivery.next_attempt_at_us},
           {"id", delivery.id},
           {"claimed_by", delivery.claimed_by}})
      .status();
}

absl::StatusOr<std::vector<Store::ParkedDestination>> Store::ParkedDestinations() {
  std::vector<ParkedDestination> parked;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT DISTINCT tenant, destination FROM deliveries WHERE parked = 1", {}));
    for (const sql::Row& row : rows)
      parked.push_back({.tenant = row.Text(0), .destination = row.Text(1)});
    return absl::OkStatus();
  }));
  return parked;
}

absl::StatusOr<int64_t> Store::Unpark(const ParkedDestination& which) {
  int64_t unparked = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        unparked,
        session.Execute("UPDATE deliveries SET parked = 0 "
                        "WHERE parked = 1 AND tenant = :tenant AND destination = :destination",
                        {{"tenant", which.tenant}, {"destination", which.destination}}));
    return absl::OkStatus();
  }));
  return unparked;
}

absl::StatusOr<std::vector<Delivery>> Store::ClaimParkedBefore(std::string_view owner,
                                                               const ParkedDestination& which,
                                                               int64_t before_us, int64_t limit) {
  std::vector<Delivery> over;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kColumns,
                                "WHERE parked = 1 AND tenant = :tenant AND destination = "
                                ":destination AND created_at_us <= :before "
                                "ORDER BY created_at_us LIMIT :limit"),
                      {{"tenant", which.tenant},
                       {"destination", which.destination},
                       {"before", before_us},
                       {"limit", limit}}));
    CLEANMAIL_ASSIGN_OR_RETURN(over, ToDeliveries(rows));
    std::vector<sql::Parameters> claims;
    for (Delivery& delivery : over) {
      delivery.parked = false;
      delivery.claimed_by = owner;
      claims.push_back({{"owner", std::string(owner)}, {"id", delivery.id}});
    }
    return session.ExecuteMany(
        "UPDATE deliveries SET claimed_by = :owner, parked = 0 WHERE id = :id", claims);
  }));
  return over;
}

absl::StatusOr<int64_t> Store::ReleaseClaimsOf(const std::vector<sql::Members::Dead>& dead) {
  int64_t released = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    for (const sql::Members::Dead& member : dead)
      CLEANMAIL_RETURN_IF_ERROR(sql::Members::Bury(session, member).status());
    // All of the dead, whenever they were buried: one that was frozen may have claimed since.
    CLEANMAIL_ASSIGN_OR_RETURN(
        released, session.Execute("UPDATE deliveries SET claimed_by = '' WHERE done_at_us = 0 AND "
                                  "claimed_by <> '' AND claimed_by NOT IN "
                                  "(SELECT member FROM members)"));
    return absl::OkStatus();
  }));
  return released;
}

absl::StatusOr<std::vector<Delivery>> Store::List(std::string_view tenant, std::string_view after,
                                                  int64_t limit) {
  constexpr size_t kTimeDigits = 20;
  int64_t after_us = -1;
  std::string after_id;
  if (!after.empty()) {
    if (after.size() < kTimeDigits ||
        !absl::SimpleAtoi(base::AbslView(after.substr(0, kTimeDigits)), &after_us)) {
      return absl::InvalidArgumentError("page_token: not a token this service gave out");
    }
    after_id = after.substr(kTimeDigits);
  }
  std::vector<Delivery> deliveries;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(base::Cat(kColumns,
                                "WHERE done_at_us = 0 AND (:tenant = '' OR tenant = :tenant) AND "
                                "(created_at_us > :after_us OR (created_at_us = :after_us "
                                "AND id > :after_id)) ORDER BY created_at_us, id LIMIT :limit"),
                      {{"tenant", std::string(tenant)},
                       {"after_us", after_us},
                       {"after_id", after_id},
                       {"limit", limit}}));
    CLEANMAIL_ASSIGN_OR_RETURN(deliveries, ToDeliveries(rows));
    return absl::OkStatus();
  }));
  return deliveries;
}

absl::StatusOr<int64_t> Store::MakeDue(std::string_view tenant, std::string_view message,
                                       int64_t now_us) {
  int64_t made_due = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        made_due,
        session.Execute(
            "UPDATE deliveries SET next_attempt_at_us = :now WHERE done_at_us = 0 AND claimed_by = "
            "'' AND parked = 0 AND "
            "next_attempt_at_us > :now AND (:tenant = '' OR tenant = :tenant) AND "
            "(:message = '' OR message = :message)",
            {{"now", now_us}, {"tenant", std::string(tenant)}, {"message", std::string(message)}}));
    if (made_due > 0 || message.empty()) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT COUNT(*) FROM deliveries WHERE done_at_us = 0 AND message = :message "
                      "AND (:tenant = '' OR tenant = :tenant)",
                      {{"message", std::string(message)}, {"tenant", std::string(tenant)}}));
    return rows[0].Int(0) > 0
               ? absl::OkStatus()
               : absl::NotFoundError(base::Cat("no delivery of message ", message, " is waiting"));
  }));
  return made_due;
}

absl::StatusOr<int64_t> Store::MakeDestinationDue(std::string_view tenant,
                                                  std::string_view destination, int64_t now_us) {
  int64_t made_due = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        made_due,
        session.Execute(
            "UPDATE deliveries SET next_attempt_at_us = :now WHERE done_at_us = 0 AND claimed_by = "
            "'' AND parked = 0 AND next_attempt_at_us > :now AND tenant = :tenant AND destination "
            "= :destination",
            {{"now", now_us},
             {"tenant", std::string(tenant)},
             {"destination", std::string(destination)}}));
    return absl::OkStatus();
  }));
  return made_due;
}

absl::StatusOr<int64_t> Store::ForgetFinished(int64_t before_us) {
  int64_t forgotten = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        forgotten,
        session.Execute("DELETE FROM deliveries WHERE done_at_us > 0 AND done_at_us < :before",
                        {{"before", before_us}}));
    return absl::OkStatus();
  }));
  return forgotten;
}

absl::StatusOr<int64_t> Store::CountOpen() {
  int64_t open = 0;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT COUNT(*) FROM deliveries WHERE done_at_us = 0"));
    open = rows[0].Int(0);
    return absl::OkStatus();
  }));
  return open;
}

absl::Status Store::SaveServers(const std::vector<DestinationServer>& servers, int64_t oldest_us) {
  std::vector<sql::Parameters> rows;
  for (const DestinationServer& server : servers) {
    rows.push_back({{"tenant", server.tenant},
                    {"destination", server.destination},
                    {"route", server.route},
                    {"server", server.server},
                    {"smtp_utf8", int64_t{server.smtp_utf8 ? 1 : 0}},
                    {"eight_bit", int64_t{server.eight_bit ? 1 : 0}},
                    {"max_size", server.max_size},
                    {"seen_at", server.seen_at_us}});
  }
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("DELETE FROM destinations WHERE seen_at_us < :oldest", {{"oldest", oldest_us}})
            .status());
    return session.ExecuteMany(
        "INSERT INTO destinations (tenant, destination, route, server, smtp_utf8, eight_bit, "
        "max_size, seen_at_us) VALUES (:tenant, :destination, :route, :server, :smtp_utf8, "
        ":eight_bit, :max_size, :seen_at) ON CONFLICT (tenant, destination, route, server) DO "
        "UPDATE SET smtp_utf8 = excluded.smtp_utf8, eight_bit = excluded.eight_bit, "
        "max_size = excluded.max_size, seen_at_us = excluded.seen_at_us",
        rows);
  });
}

absl::StatusOr<std::vector<DestinationServer>> Store::ServersSeenSince(int64_t since_us) {
  std::vector<DestinationServer> servers;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT tenant, destination, route, server, smtp_utf8, eight_bit, max_size, "
                      "seen_at_us FROM destinations WHERE seen_at_us >= :since",
                      {{"since", since_us}}));
    for (const sql::Row& row : rows) {
      servers.push_back({.tenant = row.Text(0),
                         .destination = row.Text(1),
                         .route = row.Text(2),
                         .server = row.Text(3),
                         .smtp_utf8 = row.Int(4) != 0,
                         .eight_bit = row.Int(5) != 0,
                         .max_size = row.Int(6),
                         .seen_at_us = row.Int(7)});
    }
    return absl::OkStatus();
  }));
  return servers;
}

}  // namespace cleanmail::egress
