#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <benchmark/benchmark.h>

#include "libs/base/clock.h"
#include "libs/bus/journal.h"

namespace cleanmail::bus {
namespace {

// Events through `hops` topics one after another, applied, as scanner and policy do. Items are hops
// of events.
void Hops(benchmark::State& state) {
  const std::string folder = "/tmp/cleanmail-journal-benchmark";
  std::filesystem::remove_all(folder);
  auto spool = *spool::Spool::Open(folder);
  const base::SystemClock clock;
  auto journal = *Journal::Create(*spool, clock);
  constexpr int kHops = 3, kEvents = 30000;
  const std::string payload(300, 'p');
  std::atomic<int> arrived{0};
  const auto record = [&](const std::string& key, int hop) {
    return Record{.topic = {.name = "hop" + std::to_string(hop) + ".v1"},
                  .key = key,
                  .payload = payload,
                  .trace = {}};
  };
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int hop = 0; hop < kHops; ++hop) {
    subscriptions.push_back(*journal->Subscribe(
        {.topic = "hop" + std::to_string(hop) + ".v1", .group = "one"},
        [&, hop](std::vector<std::unique_ptr<Inbound>> batch) {
          for (auto& inbound : batch) {
            if (hop + 1 == kHops) {
              arrived.fetch_add(1, std::memory_order_relaxed);
              inbound->Finish(absl::OkStatus());
              continue;
            }
            Publication publication;
            publication.records.push_back(record(inbound->key(), hop + 1));
            journal->Publish(
                std::move(publication),
                [inbound = std::move(inbound)](absl::Status status) { inbound->Finish(status); });
          }
        }));
  }
  for (auto _ : state) {
    arrived = 0;
    std::atomic<int> open{0};
    for (int i = 0; i < kEvents; ++i) {
      while (open.load() >= state.range(0)) std::this_thread::yield();
      open.fetch_add(1);
      Publication publication;
      publication.records.push_back(
          record("0190b6a2-7c00-7000-8000-" + std::to_string(100000000000 + i), 0));
      journal->Publish(std::move(publication), [&open](absl::Status) { open.fetch_sub(1); });
    }
    while (arrived.load() < kEvents) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  state.SetItemsProcessed(state.iterations() * kHops * kEvents);
  subscriptions.clear();
  journal.reset();
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(Hops)->Arg(20)->Arg(200)->UseRealTime()->MeasureProcessCPUTime()->Iterations(1);

// From Publish to the handler, one event at a time.
void HandOver(benchmark::State& state) {
  const std::string folder = "/tmp/cleanmail-journal-benchmark";
  std::filesystem::remove_all(folder);
  auto spool = *spool::Spool::Open(folder);
  const base::SystemClock clock;
  auto journal = *Journal::Create(*spool, clock);
  std::atomic<int> arrived{0};
  auto subscription = *journal->Subscribe({.topic = "hop.v1", .group = "one"},
                                          [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                            for (auto& inbound : batch)
                                              inbound->Finish(absl::OkStatus());
                                            arrived.fetch_add(static_cast<int>(batch.size()));
                                            arrived.notify_one();
                                          });
  int sent = 0;
  for (auto _ : state) {
    Publication publication;
    publication.records.push_back({.topic = {.name = "hop.v1", .flushed = state.range(0) == 1},
                                   .key = std::to_string(sent),
                                   .payload = std::string(300, 'p'),
                                   .trace = {}});
    journal->Publish(std::move(publication), [](absl::Status) {});
    arrived.wait(sent++);
  }
  subscription.reset();
  journal.reset();
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(HandOver)->Arg(0)->Arg(1)->UseRealTime()->MeasureProcessCPUTime();

// Opening a spool of a million events and 100,000 bodies.
void Reopen(benchmark::State& state) {
  const std::string folder = "/tmp/cleanmail-journal-benchmark";
  std::filesystem::remove_all(folder);
  auto spool = *spool::Spool::Open(folder);
  const base::SystemClock clock;
  auto journal = *Journal::Create(*spool, clock);
  std::atomic<int> open{0};
  for (int i = 0; i < 1'000'000; ++i) {
    while (open.load() >= 1000) std::this_thread::yield();
    open.fetch_add(1);
    Publication publication;
    publication.records.push_back({.topic = {.name = "hop" + std::to_string(i % 5) + ".v1"},
                                   .key = std::to_string(i),
                                   .payload = std::string(300, 'p'),
                                   .trace = {}});
    journal->Publish(std::move(publication), [&open](absl::Status) { open.fetch_sub(1); });
    if (i % 10 != 0) continue;
    spool::Batch body;
    body.Put(spool::Table::kBodies, std::to_string(i), std::string(4096, 'b'));
    spool->Commit(std::move(body), spool::Durability::kApplied, [](absl::Status) {});
  }
  while (open.load() > 0) std::this_thread::yield();
  for (auto _ : state) {
    state.PauseTiming();
    journal.reset();
    spool.reset();
    state.ResumeTiming();
    spool = *spool::Spool::Open(folder);
    journal = *Journal::Create(*spool, clock);
  }
  journal.reset();
  spool.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(Reopen)->UseRealTime()->MeasureProcessCPUTime()->Iterations(2)->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace cleanmail::bus

BENCHMARK_MAIN();
