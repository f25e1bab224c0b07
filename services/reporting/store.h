#pragma once

#include <span>
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

  // Writes what events change, and what that changes in the counts, in one transaction. The same
  // again changes nothing, and the order of events does not matter.
  absl::Status Record(std::span<const Changes> events);

 private:
  sql::Database& database_;
};

}  // namespace cleanmail::reporting
