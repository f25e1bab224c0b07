#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "services/provisioning/callout/verdict.h"

namespace cleanmail::provisioning::callout {

// An answer as it is kept; an expired one is kept a while, to know who was good once.
struct Entry {
  std::string address = {};
  std::string tenant = {};
  std::string domain = {};
  Answer answer = Answer::kUnknown;
  std::string reply = {};
  std::string server = {};
  int64_t asked_us = 0;
  int64_t expires_us = 0;
};

// What is known of a domain's destination; 0: not so.
struct Status {
  std::string domain = {};
  std::string tenant = {};
  int64_t accepts_all_until_us = 0;
  int64_t alert_since_us = 0;
  std::string alert = {};
};

// What to list. Empty and 0: all.
struct Selection {
  std::string tenant = {};
  std::vector<std::string> domains = {};
  int outcome = 0;
  int64_t expires_after_us = 0;
  std::string after = {};
  int64_t limit = 0;
};

// What call-out remembers. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  absl::StatusOr<std::optional<Entry>> Find(std::string_view tenant, std::string_view address);
  // Over what there was of the address.
  absl::Status Put(const Entry& entry);
  absl::StatusOr<std::vector<Entry>> List(const Selection& selection);
  // A recipient of the domain that was taken, the one asked last; empty: none.
  absl::StatusOr<std::string> SomeGood(std::string_view domain);
  // False: there was none.
  absl::StatusOr<bool> Delete(std::string_view tenant, std::string_view address);
  // Negative answers of a domain given since then.
  absl::Status DeleteNegatives(std::string_view domain, int64_t since_us);
  // All of a domain, its status too; how many entries.
  absl::StatusOr<int64_t> Clear(std::string_view tenant, std::string_view domain);
  absl::Status Forget(int64_t expired_before_us);

  absl::StatusOr<std::optional<Status>> StatusOf(std::string_view domain);
  absl::Status Put(const Status& status);
  absl::StatusOr<std::vector<Status>> ListStatuses(const Selection& selection);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::provisioning::callout
