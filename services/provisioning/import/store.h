#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "services/provisioning/import/batch.h"

namespace cleanmail::provisioning::import {

// In the order of api.v1.Progress.State.
enum class State { kWaiting = 1, kRunning, kSucceeded, kFailed, kCancelled };
inline bool IsFinal(State state) { return state > State::kRunning; }

// A job as it is kept.
struct Job {
  std::string id = {};
  std::string tenant = {};
  Kind kind = Kind::kUsers;
  bool dry_run = false;
  State state = State::kWaiting;
  std::string error = {};
  std::string reading = {};
  int64_t total = 0;
  int64_t done = 0;
  int64_t created = 0;
  int64_t updated = 0;
  int64_t unchanged = 0;
  int64_t failed = 0;
  int64_t created_us = 0;
  int64_t ended_us = 0;
};

// What is remembered of imports. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  // FailedPrecondition: the tenant has `most` jobs that have not ended.
  absl::Status Add(const Job& job, std::string_view content, int64_t most);
  // NotFound, in the words of authz::NoSuchResource.
  absl::StatusOr<Job> Get(std::string_view tenant, std::string_view id);
  absl::StatusOr<std::string> Content(std::string_view id);
  absl::StatusOr<std::vector<Job>> List(std::string_view tenant, std::string_view after,
                                        int64_t limit);
  // Those that have not ended, oldest first.
  absl::StatusOr<std::vector<Job>> Unfinished();
  // Lines after `after`; `outcome` 0: all.
  absl::StatusOr<std::vector<LineResult>> Lines(std::string_view id, int outcome, int64_t after,
                                                int64_t limit);
  // Writes state and counts, forgets the content of a job that has ended. False: it was not
  // running any more (cancelled).
  static absl::StatusOr<bool> Write(sql::Session& session, const Job& job);
  static absl::Status WriteLines(sql::Session& session, std::string_view id,
                                 const std::vector<LineResult>& lines);
  absl::Status Change(absl::FunctionRef<absl::Status(sql::Session&)> change) {
    return database_.Transact(change);
  }
  // FailedPrecondition: it has ended.
  absl::Status Cancel(std::string_view tenant, std::string_view id, int64_t now_us);
  // FailedPrecondition: it has not ended.
  absl::Status Delete(std::string_view tenant, std::string_view id);
  // Jobs that ended before this, with their lines.
  absl::Status Forget(int64_t ended_before_us);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::provisioning::import
