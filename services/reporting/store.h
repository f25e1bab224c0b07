#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"

namespace cleanmail::reporting {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// One thing that happened to a message.
struct Entry {
  std::string message;
  int64_t at_us = 0;  // when it happened, not when it was recorded
  std::string what;
  std::string recipient;  // empty: all
  std::string detail;     // one sentence, safe to print
};

// An accepted message.
struct MessageRow {
  std::string message;
  std::string tenant;
  std::string sender;
  std::vector<std::string> recipients;
  std::string subject;
  int64_t accepted_at_us = 0;
};

// A message and all that happened to it, oldest first.
struct StoredTrace {
  MessageRow message;
  std::vector<Entry> entries;
};

// What reporting remembers. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  // In one transaction; what is there already stays.
  absl::Status Add(std::span<const MessageRow> messages, std::span<const Entry> entries);
  // NotFound. `tenant` empty: whichever tenant's.
  absl::StatusOr<StoredTrace> Find(std::string_view tenant, std::string_view message);
  // Forgets messages accepted before `before_us`, at most `limit`; returns how many.
  absl::StatusOr<int64_t> Forget(int64_t before_us, int64_t limit);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::reporting
