#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "proto/cleanmail/quarantine/v1/quarantine.pb.h"

namespace cleanmail::quarantine {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// A recipient of a held message.
struct HeldRecipient {
  std::string address;
  v1::HoldState state = v1::HOLD_STATE_HELD;
  std::string detail;
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
};

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
  // Newest first, after `after` (a message id, empty for the first page). Without findings.
  static absl::StatusOr<std::vector<HoldRow>> List(sql::Session& session, std::string_view tenant,
                                                   bool only_held, std::string_view after,
                                                   int64_t limit);
  // Moves a recipient from one state to another; returns how many rows that were.
  static absl::StatusOr<int64_t> Move(sql::Session& session, std::string_view message,
                                      std::string_view address, v1::HoldState from,
                                      v1::HoldState to, std::string_view detail);
  // What a further scan said.
  static absl::Status Rescanned(sql::Session& session, const HoldRow& hold);
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
