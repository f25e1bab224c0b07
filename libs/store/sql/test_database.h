#pragma once

#include <memory>
#include <span>
#include <string>

#include "libs/store/sql/database.h"

// Databases for the tests of rooms' stores: cleanmail_store_test (store_test.bzl) links the tests
// once with SQLite and once with PostgreSQL.
namespace cleanmail::sql {

// Every short transaction that would be committed is rolled back the first time and run again, as
// an engine may do at any time: what a body has done outside then shows.
//
// A new database, migrated; it ends with the process. Ends the process when it cannot be made.
std::unique_ptr<Database> NewTestDatabase(std::span<const Migration> migrations);

// A database's place, for tests that open it more than once.
class TestDatabasePlace {
 public:
  TestDatabasePlace();
  std::unique_ptr<Database> Open() const;

 private:
  std::unique_ptr<Database> OpenOnce() const;
  std::string name_;
};

}  // namespace cleanmail::sql
