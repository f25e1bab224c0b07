#include <atomic>

#include "libs/base/status_macros.h"
#include "libs/store/sql/postgres_database.h"
#include "libs/store/sql/test_database.h"
#include "libs/testing/postgres_server.h"

namespace cleanmail::sql {
namespace {

// One for the process.
testing::PostgresServer& Server() {
  static testing::PostgresServer server;
  static const absl::Status started = server.Start();
  CLEANMAIL_CHECK(started.ok(), started.ToString());
  return server;
}

}  // namespace

TestDatabasePlace::TestDatabasePlace() {
  static std::atomic<int> number{0};
  name_ = base::Cat("test", ++number);
}

std::unique_ptr<Database> TestDatabasePlace::OpenOnce() const {
  auto database = OpenPostgres({.hosts = {Server().address()},
                                .database = Server().database(),
                                .user = Server().user(),
                                .schema = name_,
                                .ssl_mode = "disable"});
  CLEANMAIL_CHECK(database.ok(), database.status().ToString());
  return *std::move(database);
}

}  // namespace cleanmail::sql
