#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/quarantine/v1/quarantine.pb.h"

namespace cleanmail::quarantine {

// Bulk work as it is kept.
struct BatchRow {
  std::string id;
  std::string tenant;
  v1::HoldBatch::Action action = v1::HoldBatch::ACTION_UNSPECIFIED;
  std::string filter;  // of an erasure: the address, until it is done
  std::string caller;  // on whose behalf: api.v1.Caller, packed
  bool accept_risk = false;
  api::v1::Progress::State state = api::v1::Progress::STATE_RUNNING;
  int64_t done = 0;
  int64_t total = 0;
  int64_t skipped = 0;
  std::string error;
  int64_t created_at_us = 0;
  std::string created_by;
  std::string last_message;  // how far it is
  std::string last_address;
};

// The table of bulk work. Thread-safe.
class BatchStore {
 public:
  explicit BatchStore(sql::Database& database) : database_(database) {}

  absl::Status Insert(const BatchRow& row);
  // Writes what changes while it runs.
  absl::Status Update(const BatchRow& row);
  // NotFound in the words of authz::NoSuchResource.
  absl::StatusOr<BatchRow> Find(std::string_view tenant, std::string_view id);
  // Newest first, after the id `after`.
  absl::StatusOr<std::vector<BatchRow>> List(std::string_view tenant, std::string_view after,
                                             int64_t limit);
  absl::StatusOr<std::vector<BatchRow>> Running();

 private:
  absl::StatusOr<std::vector<BatchRow>> Query(std::string_view where,
                                              const sql::Parameters& parameters);
  sql::Database& database_;
};

}  // namespace cleanmail::quarantine
