#include "libs/store/sql/sqlite_database.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "libs/store/sql/sql_contract_test.h"

namespace cleanmail::sql {
namespace {

std::string NewPath() {
  static int number = 0;
  const std::string folder = testing::TempDir() + "/sqlite " + std::to_string(number++);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder + "/fruit.db";
}

class SqliteUnderTest final : public DatabaseUnderTest {
 public:
  SqliteUnderTest() : path_(NewPath()) { database_ = *OpenSqlite(path_); }
  Database& database() override { return *database_; }
  void Restart() override {
    database_.reset();
    database_ = *OpenSqlite(path_);
  }

 private:
  const std::string path_;
  std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, SqlContract,
                         testing::Values([] { return std::make_unique<SqliteUnderTest>(); }));

TEST(Sqlite, AFileThatIsNoDatabaseIsDataLoss) {
  const std::string path = NewPath();
  std::ofstream(path) << std::string(4096, 'x');
  EXPECT_EQ(OpenSqlite(path).status().code(), absl::StatusCode::kDataLoss)
      << OpenSqlite(path).status();
}

TEST(Sqlite, AFolderThatIsNotThereIsUnavailable) {
  EXPECT_EQ(OpenSqlite("/no/such/folder/x.db").status().code(), absl::StatusCode::kUnavailable)
      << OpenSqlite("/no/such/folder/x.db").status();
}

TEST(Sqlite, AFailedDiskIsSaidAndForgottenOnceItIsWell) {
  const std::string path = NewPath();
  auto database = *OpenSqlite(path);
  const auto insert = [&] {
    return database->Transact(
        [](Session& session) { return session.Execute("INSERT INTO t (n) VALUES (1)").status(); });
  };
  ASSERT_TRUE(database
                  ->Transact([](Session& session) {
                    return session.Execute("CREATE TABLE t (n BIGINT)").status();
                  })
                  .ok());
  ASSERT_TRUE(database
                  ->Transact([](Session& session) {
                    return session.Execute("PRAGMA max_page_count = 2").status();
                  })
                  .ok());
  absl::Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) status = insert();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(insert().ok()) << "a new connection has no such limit";
}

}  // namespace
}  // namespace cleanmail::sql
