#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/authz/authorizer.h"
#include "libs/outbox/outbox.h"
#include "libs/rpc/resource/filter.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "proto/cleanmail/quarantine/v1/quarantine.pb.h"

namespace cleanmail::quarantine {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// A recipient of a held message, and why it is held for him.
struct HeldRecipient {
  std::string address;
  v1::HoldState state = v1::HOLD_STATE_HELD;
  std::string detail;
  mail::v1::HoldKind kind = mail::v1::HOLD_KIND_UNSPECIFIED;
  std::string rule = {};
  std::string reason = {};
  std::string policy = {};
  int64_t policy_version = 0;
  std::string policy_scope = {};
  std::string quarantine = {};
  std::vector<mail::v1::Action> actions = {};  // carried out when it is released
  std::string rescan_by = {};  // who wants it released when a scan has found no malware
  // Whose it is: the recipient's for inbound, the sender's for outbound mail; lower case.
  std::string domain = {};
  std::string account = {};
};

// Something done to a hold.
struct HistoryRow {
  int64_t at_us = 0;
  std::string actor;
  std::string what;
  std::string recipient;  // empty: all
};

// A held message as it is kept.
struct HoldRow {
  mail::v1::Message message;
  mail::v1::HoldKind kind = mail::v1::HOLD_KIND_UNSPECIFIED;
  std::string rule;
  std::string reason;
  double score = 0;
  int32_t generation = 1;
  int64_t held_at_us = 0;
  int64_t expires_at_us = 0;
  int64_t rescan_at_us = 0;  // 0: never
  std::vector<mail::v1::Finding> findings;
  std::vector<HeldRecipient> recipients;
  std::string note = {};
  std::string assigned_to = {};
  std::string seen_by = {};
  int64_t seen_at_us = 0;
  int64_t version = 1;  // of note and assignment
};

// Whose holds are looked at, and which of their recipients.
struct Scope {
  std::string tenant = {};  // empty: every tenant of `visible`
  authz::Visible visible = {.all_tenants = true, .all_domains = true};
  bool sees_unlisted = true;
};

// Which held recipients are asked for.
struct HoldQuery {
  Scope scope = {};
  rpc::resource::Filter filter = {};
  bool only_held = false;
  int64_t held_before_us = 0;  // 0: whenever
};

// What a person may ask for.
const rpc::resource::FilterSchema& HoldSchema();

// The tables, in a transaction the domain class opens. All SQL of this room stands here.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(sql::Session&)> body) {
    return database_.Transact(body);
  }
  absl::Status Read(absl::FunctionRef<absl::Status(sql::Session&)> body) {
    return database_.Read(body);
  }

  // Adds a hold and those recipients that it does not have yet. What is there stays as it is.
  static absl::Status Insert(sql::Session& session, const HoldRow& hold);
  // nullopt when there is none; `tenant` empty: whichever tenant's.
  static absl::StatusOr<std::optional<HoldRow>> Find(sql::Session& session, std::string_view tenant,
                                                     std::string_view message);
  // The same, with only those recipients that the scope shows; nullopt without any.
  static absl::StatusOr<std::optional<HoldRow>> Find(sql::Session& session, const Scope& scope,
                                                     std::string_view message);
  // Newest first, older than `after` (a message id, empty for the first page).
  static absl::StatusOr<std::vector<HoldRow>> List(sql::Session& session, const HoldQuery& query,
                                                   std::string_view after, int64_t limit);
  // Recipients (message, address) in that order, after the one given.
  static absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Recipients(
      sql::Session& session, const HoldQuery& query, std::string_view after_message,
      std::string_view after_address, int64_t limit);
  static absl::StatusOr<int64_t> CountRecipients(sql::Session& session, const HoldQuery& query);
  // Moves a recipient from one state to another; returns how many rows that were.
  static absl::StatusOr<int64_t> Move(sql::Session& session, std::string_view message,
                                      std::string_view address, v1::HoldState from,
                                      v1::HoldState to, std::string_view detail);
  // What a further scan said.
  static absl::Status Rescanned(sql::Session& session, const HoldRow& hold);
  // Why it is held for a recipient now.
  static absl::Status Renew(sql::Session& session, std::string_view message,
                            const HeldRecipient& recipient);
  // Sets or clears (empty) who wants a recipient released after a rescan.
  static absl::Status SetRescanBy(sql::Session& session, std::string_view message,
                                  std::string_view address, std::string_view by);
  // Note and assignment; the version grows.
  static absl::Status Annotate(sql::Session& session, const HoldRow& hold);
  // Who saw it first; later ones change nothing. Returns whether he was.
  static absl::StatusOr<bool> See(sql::Session& session, std::string_view message,
                                  std::string_view by, int64_t at_us);
  static absl::Status AddHistory(sql::Session& session, std::string_view message,
                                 const HistoryRow& row);
  static absl::StatusOr<std::vector<HistoryRow>> History(sql::Session& session,
                                                         std::string_view message);
  // Forgets one recipient, or (empty) the whole hold.
  static absl::Status Erase(sql::Session& session, std::string_view message,
                            std::string_view address);
  // Sets when the next rescan is due (0: never), and its generation.
  static absl::Status SetRescan(sql::Session& session, std::string_view message, int32_t generation,
                                int64_t rescan_at_us);
  // Ids of holds overdue / due for a rescan at `now_us` with a recipient still held.
  static absl::StatusOr<std::vector<std::string>> Overdue(sql::Session& session, int64_t now_us,
                                                          int64_t limit);
  static absl::StatusOr<std::vector<std::string>> RescanDue(sql::Session& session, int64_t now_us,
                                                            int64_t limit);
  // Recipients still held, all tenants.
  static absl::StatusOr<int64_t> CountHeld(sql::Session& session);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::quarantine
