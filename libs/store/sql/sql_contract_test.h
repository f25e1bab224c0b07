#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/store/sql/database.h"

// What every Database promises: INSTANTIATE_TEST_SUITE_P(Sqlite, SqlContract, Values(&Make)).
namespace cleanmail::sql {

class DatabaseUnderTest {
 public:
  virtual ~DatabaseUnderTest() = default;
  virtual Database& database() = 0;
  // Closes it and opens it again.
  virtual void Restart() = 0;
};

using DatabaseFactory = std::function<std::unique_ptr<DatabaseUnderTest>()>;

class SqlContract : public ::testing::TestWithParam<DatabaseFactory> {
 protected:
  void SetUp() override {
    test_ = GetParam()();
    ASSERT_TRUE(Execute("CREATE TABLE fruit (name TEXT PRIMARY KEY, weight BIGINT NOT NULL, price "
                        "DOUBLE PRECISION, note TEXT)")
                    .ok());
  }
  Database& database() { return test_->database(); }
  absl::StatusOr<int64_t> Execute(std::string_view statement, const Parameters& parameters = {}) {
    int64_t changed = 0;
    const absl::Status status = database().Transact([&](Session& session) {
      auto result = session.Execute(statement, parameters);
      if (result.ok()) changed = *result;
      return result.status();
    });
    if (!status.ok()) return status;
    return changed;
  }
  absl::StatusOr<std::vector<Row>> Query(std::string_view statement,
                                         const Parameters& parameters = {}) {
    std::vector<Row> rows;
    const absl::Status status = database().Read([&](Session& session) {
      auto result = session.Query(statement, parameters);
      if (result.ok()) rows = *std::move(result);
      return result.status();
    });
    if (!status.ok()) return status;
    return rows;
  }
  absl::Status Insert(const std::string& name, int64_t weight, Value price = std::nullopt,
                      Value note = std::nullopt) {
    return Execute(
               "INSERT INTO fruit (name, weight, price, note) VALUES (:name, :weight, :price, "
               ":note)",
               {{"name", name}, {"weight", weight}, {"price", price}, {"note", note}})
        .status();
  }
  int64_t Count() { return (*Query("SELECT COUNT(*) FROM fruit"))[0].Int(0); }
  std::unique_ptr<DatabaseUnderTest> test_;
};

TEST_P(SqlContract, GivesBackEachType) {
  ASSERT_TRUE(Insert("apple", int64_t{1} << 60, 1.25, "Grüße; 'quoted' :not_a_parameter").ok());
  const std::vector<Row> rows =
      *Query("SELECT name, weight, price, note FROM fruit WHERE name = :name", {{"name", "apple"}});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].Text(0), "apple");
  EXPECT_EQ(rows[0].Int(1), int64_t{1} << 60);
  EXPECT_EQ(rows[0].Double(2), 1.25);
  EXPECT_EQ(rows[0].Text(3), "Grüße; 'quoted' :not_a_parameter");
}

TEST_P(SqlContract, GivesBackNulls) {
  ASSERT_TRUE(Insert("apple", 1).ok());
  ASSERT_TRUE(Insert("pear", 2, 0.5, "note").ok());
  ASSERT_TRUE(Insert("plum", 3).ok());
  const std::vector<Row> rows = *Query("SELECT price, note FROM fruit ORDER BY name");
  EXPECT_TRUE(rows[0].is_null(0));
  EXPECT_EQ(rows[0].Text(1), "");
  EXPECT_EQ(rows[1].Double(0), 0.5);
  EXPECT_TRUE(rows[2].is_null(1));
}

TEST_P(SqlContract, CountsAndSums) {
  EXPECT_EQ((*Query("SELECT MAX(weight) FROM fruit"))[0].Int(0), 0);
  ASSERT_TRUE(Insert("apple", 5, 0.5).ok());
  ASSERT_TRUE(Insert("pear", 7, 0.25).ok());
  const Row row =
      (*Query("SELECT COUNT(*), SUM(weight), SUM(price), weight + 1 FROM fruit GROUP BY weight "
              "ORDER BY weight"))[0];
  EXPECT_EQ(row.Int(0), 1);
  EXPECT_EQ(row.Int(1), 5);
  EXPECT_EQ(row.Double(2), 0.5);
  EXPECT_EQ(row.Int(3), 6);
}

TEST_P(SqlContract, SaysHowManyRowsChanged) {
  ASSERT_TRUE(Insert("apple", 5).ok());
  ASSERT_TRUE(Insert("pear", 7).ok());
  EXPECT_EQ(*Execute("UPDATE fruit SET weight = weight + 1"), 2);
  EXPECT_EQ(*Execute("DELETE FROM fruit WHERE name = :name", {{"name", "apple"}}), 1);
  EXPECT_EQ(*Execute("DELETE FROM fruit WHERE name = :name", {{"name", "apple"}}), 0);
}

TEST_P(SqlContract, ASecondRowOfTheSameKeyAlreadyExists) {
  ASSERT_TRUE(Insert("apple", 5).ok());
  EXPECT_EQ(Insert("apple", 6).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Insert("pear", 6).ok()) << "the statement goes on working";
}

TEST_P(SqlContract, AMissingValueIsRefused) {
  EXPECT_FALSE(Execute("INSERT INTO fruit (name, weight) VALUES (:name, :weight)",
                       {{"name", "x"}, {"weight", std::nullopt}})
                   .ok());
}

TEST_P(SqlContract, WrongSqlIsAnErrorAndNotTheEnd) {
  EXPECT_FALSE(Execute("INSERT INTO nothing VALUES (1)").ok());
  EXPECT_FALSE(Query("SELEKT").ok());
  EXPECT_TRUE(Insert("pear", 6).ok());
}

TEST_P(SqlContract, AFailedTransactionLeavesNothing) {
  const absl::Status status = database().Transact([](Session& session) -> absl::Status {
    EXPECT_TRUE(session.Execute("INSERT INTO fruit (name, weight) VALUES ('apple', 1)").ok());
    return absl::InvalidArgumentError("changed my mind");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Count(), 0);
}

TEST_P(SqlContract, ABodyThatOverlooksAnErrorIsNotCommitted) {
  ASSERT_TRUE(Insert("apple", 1).ok());
  const absl::Status status = database().Transact([](Session& session) -> absl::Status {
    EXPECT_TRUE(session.Execute("UPDATE fruit SET weight = 2").ok());
    EXPECT_FALSE(session.Execute("INSERT INTO fruit (name, weight) VALUES ('apple', 1)").ok());
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ((*Query("SELECT weight FROM fruit"))[0].Int(0), 1);
}

TEST_P(SqlContract, TextThatNoEngineKeepsIsMendedAndNotRefused) {
  ASSERT_TRUE(
      Insert("apple", 1, 0.5, std::string("a\0b\xff\xc3(\xf0\x9f\x8d\x8e\xe2\x82", 12)).ok());
  EXPECT_EQ((*Query("SELECT note FROM fruit"))[0].Text(0), "a\uFFFDb\uFFFD\uFFFD(🍎\uFFFD\uFFFD");
}

TEST_P(SqlContract, TextIsOrderedByItsBytes) {
  for (const char* name : {"b", "B", "a-b", "a/b", "ab", "ä", "_", "~"})
    ASSERT_TRUE(Insert(name, 1).ok());
  std::string names;
  const std::vector<Row> rows = *Query("SELECT name FROM fruit ORDER BY name");
  for (const Row& row : rows) names += row.Text(0) + " ";
  EXPECT_EQ(names, "B _ a-b a/b ab b ~ ä ");
  EXPECT_EQ(
      Query("SELECT name FROM fruit WHERE name > :after ORDER BY name", {{"after", "ab"}})->size(),
      3u);
}

TEST_P(SqlContract, NumbersGrowByThemselvesAndAreNotUsedTwice) {
  ASSERT_TRUE(
      Execute("CREATE TABLE jar (number INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT NOT NULL)").ok());
  const auto add = [&](const std::string& x) {
    return Execute("INSERT INTO jar (x) VALUES (:x)", {{"x", x}}).ok();
  };
  ASSERT_TRUE(add("a") && add("b"));
  const int64_t first = (*Query("SELECT MAX(number) FROM jar"))[0].Int(0);
  ASSERT_TRUE(Execute("DELETE FROM jar").ok());
  ASSERT_TRUE(add("c"));
  EXPECT_GT((*Query("SELECT number FROM jar"))[0].Int(0), first);
}

TEST_P(SqlContract, ReadersAndWritersOfTheSameRowLoseNothing) {
  ASSERT_TRUE(Insert("apple", 0).ok());
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const absl::Status status = database().Transact([](Session& session) -> absl::Status {
          auto rows = session.Query("SELECT weight FROM fruit WHERE name = 'apple'");
          if (!rows.ok()) return rows.status();
          return session
              .Execute("UPDATE fruit SET weight = :weight WHERE name = 'apple'",
                       {{"weight", (*rows)[0].Int(0) + 1}})
              .status();
        });
        if (!status.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((*Query("SELECT weight FROM fruit"))[0].Int(0), 80 - failures.load());
  EXPECT_EQ(failures.load(), 0);
}

TEST_P(SqlContract, ATransactionSeesItsOwnRows) {
  ASSERT_TRUE(
      database()
          .Transact([](Session& session) -> absl::Status {
            EXPECT_TRUE(
                session.Execute("INSERT INTO fruit (name, weight) VALUES ('apple', 1)").ok());
            EXPECT_EQ((*session.Query("SELECT name FROM fruit")).size(), 1u);
            return absl::OkStatus();
          })
          .ok());
}

TEST_P(SqlContract, AnAbortedTransactionIsRunAgain) {
  int runs = 0;
  EXPECT_TRUE(
      database()
          .Transact([&](Session& session) -> absl::Status {
            EXPECT_TRUE(
                session.Execute("INSERT INTO fruit (name, weight) VALUES ('apple', 1)").ok());
            return ++runs < 3 ? absl::AbortedError("serialization") : absl::OkStatus();
          })
          .ok());
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(Count(), 1);
}

TEST_P(SqlContract, InsertsManyRows) {
  std::vector<Parameters> rows;
  for (int i = 0; i < 1000; ++i) {
    rows.push_back({{"name", std::to_string(i)},
                    {"weight", i},
                    {"note", i % 2 == 0 ? Value("even") : Value()}});
  }
  ASSERT_TRUE(database()
                  .Transact([&](Session& session) {
                    return session.ExecuteMany(
                        "INSERT INTO fruit (name, weight, note) VALUES (:name, :weight, :note)",
                        rows);
                  })
                  .ok());
  EXPECT_EQ((*Query("SELECT COUNT(*), COUNT(note) FROM fruit"))[0].Int(1), 500);
}

TEST_P(SqlContract, UpsertsTakeTheNewRow) {
  const std::string_view upsert =
      "INSERT INTO fruit (name, weight) VALUES (:name, :weight) ON CONFLICT (name) DO UPDATE SET "
      "weight = excluded.weight";
  ASSERT_TRUE(Execute(upsert, {{"name", "apple"}, {"weight", 1}}).ok());
  ASSERT_TRUE(Execute(upsert, {{"name", "apple"}, {"weight", 2}}).ok());
  EXPECT_EQ((*Query("SELECT weight FROM fruit"))[0].Int(0), 2);
}

TEST_P(SqlContract, ReadersMayNotWrite) {
  EXPECT_FALSE(
      database()
          .Read([](Session& session) {
            return session.Execute("INSERT INTO fruit (name, weight) VALUES ('apple', 1)").status();
          })
          .ok());
  EXPECT_EQ(Count(), 0);
}

TEST_P(SqlContract, ReadersSeeOneSnapshotWhileOthersWrite) {
  ASSERT_TRUE(Insert("apple", 1).ok());
  ASSERT_TRUE(database()
                  .Read([&](Session& session) -> absl::Status {
                    EXPECT_EQ((*session.Query("SELECT COUNT(*) FROM fruit"))[0].Int(0), 1);
                    EXPECT_TRUE(Insert("pear", 2).ok());
                    EXPECT_EQ((*session.Query("SELECT COUNT(*) FROM fruit"))[0].Int(0), 1);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Count(), 2);
}

TEST_P(SqlContract, ThreadsWriteAndReadTogether) {
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        if (!Insert(std::to_string(t) + "/" + std::to_string(i), i).ok()) ++failures;
        if (!Query("SELECT COUNT(*) FROM fruit").ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  EXPECT_EQ(Count(), 100);
}

TEST_P(SqlContract, KeepsRowsOverARestart) {
  ASSERT_TRUE(Insert("apple", 1).ok());
  test_->Restart();
  EXPECT_EQ(Count(), 1);
}

TEST_P(SqlContract, MigratesStepByStepAndOnlyOnce) {
  const Migration first{1, "jars",
                        "-- A jar.\nCREATE TABLE jar (id TEXT PRIMARY KEY,\n  n BIGINT);\nINSERT "
                        "INTO jar (id, n) VALUES ('a;b', 1);\n"};
  const Migration second{2, "more", "INSERT INTO jar (id, n) VALUES ('b', 2);"};
  ASSERT_TRUE(Migrate(database(), std::vector{first}).ok());
  ASSERT_TRUE(Migrate(database(), std::vector{first, second}).ok());
  test_->Restart();
  ASSERT_TRUE(Migrate(database(), std::vector{first, second}).ok());
  EXPECT_EQ((*Query("SELECT SUM(n) FROM jar"))[0].Int(0), 3);
  EXPECT_EQ(Migrate(database(), std::vector{first}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(SqlContract, AFailedMigrationLeavesNothing) {
  const Migration broken{
      1, "broken", "CREATE TABLE jar (id TEXT PRIMARY KEY);\nINSERT INTO nothing VALUES (1);\n"};
  EXPECT_FALSE(Migrate(database(), std::vector{broken}).ok());
  const Migration whole{1, "whole", "CREATE TABLE jar (id TEXT PRIMARY KEY);\n"};
  EXPECT_TRUE(Migrate(database(), std::vector{whole}).ok());
}

}  // namespace cleanmail::sql
