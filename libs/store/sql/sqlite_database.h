#pragma once

#include <memory>
#include <string>

#include "libs/store/sql/database.h"

namespace cleanmail::sql {

// A database in the file `path`, made when it is not there; write-ahead log, every commit flushed.
// One connection writes, a few read beside it. Unavailable: the file cannot be used. DataLoss: it
// is not a database.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

}  // namespace cleanmail::sql
