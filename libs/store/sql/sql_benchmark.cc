#include <cstdlib>
#include <filesystem>
#include <functional>

#include <benchmark/benchmark.h>

#include "libs/base/status_macros.h"
#include "libs/store/sql/postgres_database.h"
#include "libs/store/sql/sqlite_database.h"
#include "libs/testing/postgres_server.h"

namespace cleanmail::sql {
namespace {

std::unique_ptr<Database> WithTable(absl::StatusOr<std::unique_ptr<Database>> opened) {
  CLEANMAIL_CHECK(opened.ok(), opened.status().ToString());
  const absl::Status made = (*opened)->Transact([](Session& session) {
    return session
        .Execute(
            "CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL, d DOUBLE PRECISION, x TEXT)")
        .status();
  });
  CLEANMAIL_CHECK(made.ok(), made.ToString());
  return *std::move(opened);
}

Database& Sqlite() {
  static const std::string folder = [] {
    const std::string path = "/tmp/cleanmail-sql-benchmark";
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
  }();
  static const auto database = WithTable(OpenSqlite(folder + "/x.db"));
  return *database;
}

// Its commits are not flushed; a server that flushes adds its disk's time.
Database& Postgres() {
  static testing::PostgresServer server;
  static const absl::Status started = server.Start();
  CLEANMAIL_CHECK(started.ok(), started.ToString());
  static const auto database = WithTable(OpenPostgres({.hosts = {server.address()},
                                                       .database = server.database(),
                                                       .user = server.user(),
                                                       .schema = "benchmark",
                                                       .ssl_mode = "disable"}));
  return *database;
}

using Engine = std::function<Database&()>;

// Rows of one transaction.
void Insert(benchmark::State& state, const Engine& engine) {
  static std::atomic<int64_t> number{100000000000};
  Database& database = engine();
  for (auto _ : state) {
    std::vector<Parameters> rows;
    for (int i = 0; i < state.range(0); ++i) {
      const int64_t mine = ++number;
      rows.push_back({{"id", "0190b6a2-7c00-7000-8000-" + std::to_string(mine)},
                      {"n", mine},
                      {"d", 0.5},
                      {"x", "some text of a hold"}});
    }
    const absl::Status status = database.Transact([&](Session& session) {
      return session.ExecuteMany("INSERT INTO t (id, n, d, x) VALUES (:id, :n, :d, :x)", rows);
    });
    CLEANMAIL_CHECK(status.ok(), status.ToString());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void SelectOne(benchmark::State& state, const Engine& engine) {
  Database& database = engine();
  for (auto _ : state) {
    const absl::Status status = database.Read([&](Session& session) {
      return session.Query("SELECT n, x FROM t WHERE id = :id", {{"id", "a"}}).status();
    });
    CLEANMAIL_CHECK(status.ok(), status.ToString());
  }
}

void Register(const std::string& name, const Engine& engine) {
  benchmark::RegisterBenchmark((name + "/Insert").c_str(), Insert, engine)
      ->Arg(1)
      ->Arg(64)
      ->Arg(1000)
      ->UseRealTime();
  benchmark::RegisterBenchmark((name + "/InsertByFour").c_str(), Insert, engine)
      ->Arg(1)
      ->Threads(4)
      ->UseRealTime();
  benchmark::RegisterBenchmark((name + "/SelectOne").c_str(), SelectOne, engine)->UseRealTime();
}

}  // namespace
}  // namespace cleanmail::sql

int main(int argc, char** argv) {
  cleanmail::sql::Register("SQLite", &cleanmail::sql::Sqlite);
  cleanmail::sql::Register("PostgreSQL", &cleanmail::sql::Postgres);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
