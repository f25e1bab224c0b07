#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "services/reporting/projection/changes.h"

namespace cleanmail::reporting {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// What reporting writes down. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  // Writes a batch of changes and what they change in the counts, in one transaction. The same
  // changes again change nothing, and the order of batches does not matter.
  absl::Status Record(const Changes& changes);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::reporting
