// Publishing to a private Kafka broker and handling what comes back: hop latency of one event at a
// time, and events per second and CPU of this process when many are under way.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/base/status_macros.h"
#include "libs/bus/kafka/kafka_bus.h"
#include "libs/testing/kafka_server.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr int kWarmUp = 100;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A count that threads wait for.
class Tally {
 public:
  void Add(int64_t more) {
    std::lock_guard lock(mutex_);
    count_ += more;
    grown_.notify_all();
  }
  void WaitFor(int64_t count) {
    std::unique_lock lock(mutex_);
    grown_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable grown_;
  int64_t count_ = 0;
};

class Setup {
 public:
  explicit Setup(testing::KafkaServerOptions server) : server_(std::move(server)) {
    const absl::Status started = server_.Start();
    CLEANMAIL_CHECK(started.ok(), base::View(started.message()));
    static int number = 0;
    bus_ = *KafkaBus::Create({.brokers = server_.addresses(),
                              .prefix = base::Cat("b", ++number, "."),
                              .assignment_wait = absl::Seconds(10)},
                             clock_);
    subscription_ = *bus_->Subscribe({.topic = "fruit.v1", .group = "g"},
                                     [this](std::vector<std::unique_ptr<Inbound>> batch) {
                                       for (auto& inbound : batch)
                                         inbound->Finish(absl::OkStatus());
                                       handled_.Add(static_cast<int64_t>(batch.size()));
                                     });
    // The first events open connections; they do not count.
    for (int i = 0; i < kWarmUp; ++i) Publish(i);
    handled_.WaitFor(kWarmUp);
    handled_.Add(-kWarmUp);
    acknowledged_.Add(-kWarmUp);
  }
  void Publish(int64_t number) {
    Publication publication;
    publication.records.push_back({.topic = {.name = "fruit.v1"},
                                   .key = std::to_string(number),
                                   .payload = std::string(300, 'x'),
                                   .trace = {}});
    bus_->Publish(std::move(publication), [this](absl::Status status) {
      CLEANMAIL_CHECK(status.ok(), base::View(status.message()));
      acknowledged_.Add(1);
    });
  }
  Tally& handled() { return handled_; }
  Tally& acknowledged() { return acknowledged_; }

 private:
  testing::KafkaServer server_;
  base::SystemClock clock_;
  Tally handled_, acknowledged_;
  std::unique_ptr<KafkaBus> bus_;
  std::unique_ptr<Subscription> subscription_;
};

std::string Folder() { return base::Cat("/tmp/cleanmail-kafka-benchmark-", getpid()); }

void BM_OneEventFromPublishToItsHandler(benchmark::State& state) {
  Setup setup({.folder = Folder()});
  int64_t number = 0;
  for (auto _ : state) {
    setup.Publish(number++);
    setup.handled().WaitFor(number);
  }
}
BENCHMARK(BM_OneEventFromPublishToItsHandler)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2)
    ->UseRealTime();

// As a sender of mail sees it.
void BM_OneEventFromPublishToItsAcknowledgement(benchmark::State& state) {
  Setup setup({.folder = Folder()});
  int64_t number = 0;
  for (auto _ : state) {
    setup.Publish(number++);
    setup.acknowledged().WaitFor(number);
  }
}
BENCHMARK(BM_OneEventFromPublishToItsAcknowledgement)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2)
    ->UseRealTime();

// `range` events under way at a time.
void BM_ManyEvents(benchmark::State& state) {
  Setup setup({.folder = Folder()});
  int64_t number = 0;
  const double cpu = CpuSeconds();
  for (auto _ : state) {
    setup.Publish(number++);
    setup.handled().WaitFor(number - state.range(0));
  }
  setup.handled().WaitFor(number);
  state.SetItemsProcessed(number);
  state.counters["cpu_us_per_event"] = (CpuSeconds() - cpu) * 1e6 / static_cast<double>(number);
}
BENCHMARK(BM_ManyEvents)->Arg(100)->Arg(5000)->MinTime(3)->UseRealTime();

}  // namespace
}  // namespace cleanmail::bus::kafka

BENCHMARK_MAIN();
