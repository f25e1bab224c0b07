#include "libs/store/sql/test_database.h"

#include "libs/base/status_macros.h"

namespace cleanmail::sql {

std::unique_ptr<Database> NewTestDatabase(std::span<const Migration> migrations) {
  std::unique_ptr<Database> database = TestDatabasePlace().Open();
  const absl::Status migrated = Migrate(*database, migrations);
  CLEANMAIL_CHECK(migrated.ok(), migrated.ToString());
  return database;
}

}  // namespace cleanmail::sql
