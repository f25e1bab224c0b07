#include <cstdlib>
#include <filesystem>
#include <thread>

#include <benchmark/benchmark.h>

#include "libs/store/spool/spool.h"

namespace cleanmail::spool {
namespace {

// `writers` threads, each waiting for its flush before the next: a body of `bytes` and an event of
// 300.
void FlushedCommits(benchmark::State& state) {
  const char* base = std::getenv("BENCHMARK_FOLDER");
  const std::string folder =
      std::string(base != nullptr ? base : "/tmp") + "/cleanmail-spool-benchmark";
  std::filesystem::remove_all(folder);
  auto spool = *Spool::Open(folder);
  const int writers = static_cast<int>(state.range(0)), each = 20000 / writers;
  const std::string body(state.range(1), 'b'), event(300, 'e');
  for (auto _ : state) {
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w) {
      threads.emplace_back([&, w] {
        for (int i = 0; i < each; ++i) {
          const std::string key = std::to_string(i) + "/" + std::to_string(w);
          Batch batch;
          batch.Put(Table::kBodies, key, body);
          batch.Put(Table::kEvents, key, event);
          if (!spool->CommitAndWait(std::move(batch), Durability::kFlushed).ok()) std::abort();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  state.SetItemsProcessed(state.iterations() * writers * each);
  state.counters["per_flush"] = static_cast<double>(state.iterations() * writers * each) /
                                static_cast<double>(spool->flushes());
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(FlushedCommits)
    ->Args({1, 4096})
    ->Args({20, 4096})
    ->Args({200, 4096})
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Iterations(1);

}  // namespace
}  // namespace cleanmail::spool

BENCHMARK_MAIN();
