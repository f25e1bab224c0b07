#include <benchmark/benchmark.h>

#include "libs/base/status_macros.h"
#include "libs/store/kv/redis_kv_store.h"
#include "libs/testing/redis_server.h"

namespace cleanmail::kv {
namespace {

RedisKvStore& Store() {
  static testing::RedisServer server;
  static const absl::Status started = server.Start();
  CLEANMAIL_CHECK(started.ok(), started.ToString());
  static const base::SystemClock clock;
  static const auto store = *OpenRedis({.addresses = {server.address()}}, clock);
  return *store;
}

void Add(benchmark::State& state) {
  RedisKvStore& store = Store();
  const std::string key = "counter" + std::to_string(state.thread_index());
  for (auto _ : state) benchmark::DoNotOptimize(store.Add(key, 1, absl::Minutes(1)));
  if (state.thread_index() == 0)
    state.counters["fallbacks"] = static_cast<double>(store.fallbacks());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Add)->Threads(1)->Threads(4)->Threads(16)->UseRealTime();

void Get(benchmark::State& state) {
  RedisKvStore& store = Store();
  (void)store.Set("key", "value", absl::Minutes(10));
  for (auto _ : state) benchmark::DoNotOptimize(store.Get("key"));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Get)->Threads(1)->Threads(16)->UseRealTime();

}  // namespace
}  // namespace cleanmail::kv

BENCHMARK_MAIN();
