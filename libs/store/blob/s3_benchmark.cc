#include <condition_variable>
#include <mutex>
#include <optional>

#include <benchmark/benchmark.h>

#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/store/blob/s3_blob_store.h"
#include "libs/testing/s3_server.h"

namespace cleanmail::blob {
namespace {

class OneKey final : public TenantKeys {
 public:
  absl::StatusOr<std::string> KeyOf(std::string_view) override { return std::string(32, 'k'); }
};

struct Bench {
  testing::S3Server server;
  OneKey keys;
  base::SystemClock clock;
  base::SystemRandom random;
  std::unique_ptr<S3BlobStore> blobs;
};

Bench& TheBench() {
  static Bench* const bench = [] {
    static Bench made;
    const absl::Status started = made.server.Start();
    CLEANMAIL_CHECK(started.ok(), started.ToString());
    auto blobs = S3BlobStore::Create({.endpoint = made.server.endpoint(),
                                      .bucket = "benchmark",
                                      .access_key = made.server.access_key(),
                                      .secret_key = made.server.secret_key()},
                                     made.keys, made.clock, made.random);
    CLEANMAIL_CHECK(blobs.ok(), blobs.status().ToString());
    made.blobs = *std::move(blobs);
    return &made;
  }();
  return *bench;
}

void WriteBody(const BlobName& name, const std::string& body) {
  auto writer = *TheBench().blobs->Create(name);
  (void)writer->Append(body, [] {});
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  writer->Finish([&](absl::StatusOr<std::unique_ptr<Finished>> finished) {
    CLEANMAIL_CHECK(finished.ok(), finished.status().ToString());
    (void)(*finished)->TakeBatch();
    std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return done; });
}

void Put(benchmark::State& state) {
  Bench& bench = TheBench();
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) WriteBody({"acme", base::NewUuid(bench.clock, bench.random)}, body);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Put)->Arg(4 << 10)->Arg(1 << 20)->Threads(1)->Threads(16)->UseRealTime();

void Get(benchmark::State& state) {
  Bench& bench = TheBench();
  const BlobName name{"acme", base::NewUuid(bench.clock, bench.random)};
  WriteBody(name, std::string(static_cast<size_t>(state.range(0)), 'x'));
  for (auto _ : state) benchmark::DoNotOptimize(bench.blobs->Read(name));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Get)->Arg(4 << 10)->Arg(1 << 20)->Threads(1)->Threads(16)->UseRealTime();

}  // namespace
}  // namespace cleanmail::blob

BENCHMARK_MAIN();
