#include <cstdlib>
#include <filesystem>

#include <benchmark/benchmark.h>

#include "libs/store/sql/sqlite_database.h"

namespace cleanmail::sql {
namespace {

std::unique_ptr<Database> NewDatabase() {
  const std::string folder = "/tmp/cleanmail-sqlite-benchmark";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  auto database = *OpenSqlite(folder + "/x.db");
  (void)database->Transact([](Session& session) {
    return session
        .Execute(
            "CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL, d DOUBLE PRECISION, x TEXT)")
        .status();
  });
  return database;
}

// Rows of one transaction, flushed at its end.
void Insert(benchmark::State& state) {
  auto database = NewDatabase();
  int64_t number = 100000000000;
  for (auto _ : state) {
    std::vector<Parameters> rows;
    for (int i = 0; i < state.range(0); ++i) {
      rows.push_back({{"id", "0190b6a2-7c00-7000-8000-" + std::to_string(++number)},
                      {"n", number},
                      {"d", 0.5},
                      {"x", "some text of a hold"}});
    }
    const absl::Status status = database->Transact([&](Session& session) {
      return session.ExecuteMany("INSERT INTO t (id, n, d, x) VALUES (:id, :n, :d, :x)", rows);
    });
    if (!status.ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Insert)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime();

void SelectOne(benchmark::State& state) {
  auto database = NewDatabase();
  (void)database->Transact([](Session& session) {
    return session.Execute("INSERT INTO t (id, n) VALUES ('a', 1)").status();
  });
  for (auto _ : state) {
    (void)database->Read([&](Session& session) {
      return session.Query("SELECT n, x FROM t WHERE id = :id", {{"id", "a"}}).status();
    });
  }
}
BENCHMARK(SelectOne);

}  // namespace
}  // namespace cleanmail::sql

BENCHMARK_MAIN();
