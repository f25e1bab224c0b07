#include <atomic>
#include <chrono>
#include <iostream>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/bus/bus_contract_test.h"
#include "libs/bus/kafka/kafka_bus.h"
#include "libs/testing/kafka_server.h"

namespace cleanmail::bus {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusContract);
}

namespace cleanmail::bus::kafka {
namespace {

using cleanmail::testing::KafkaServer;
using std::chrono::steady_clock;

bool Within(std::chrono::seconds most, const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + most;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

KafkaOptions OptionsFor(const KafkaServer& server) {
  return {.brokers = server.addresses(),
          .partitions = 3,
          .publish_timeout = absl::Seconds(3),
          .unreachable_after = absl::Seconds(1),
          .first_retry = absl::Milliseconds(20),
          .assignment_wait = absl::Seconds(20)};
}

TEST(KafkaFault, WithoutBrokersPublishFailsInTimeAndConsumersGoOnByThemselvesLater) {
  KafkaServer server({.folder = ::testing::TempDir() + "/one"});
  ASSERT_TRUE(server.Start().ok());
  const base::SystemClock clock;
  absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(OptionsFor(server), clock);
  ASSERT_TRUE(bus.ok()) << bus.status();
  Eater eater, other;
  auto subscription = *(*bus)->Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  auto leaving = *(*bus)->Subscribe({.topic = "fruit.v1", .group = "h"}, other.Handler());
  ASSERT_TRUE(PublishAndWait(**bus, {MakeRecord("a", "1")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count() == 1 && other.count() == 1; }));
  EXPECT_TRUE((*bus)->Accepting().ok());

  server.Kill();
  auto start = steady_clock::now();
  EXPECT_EQ(PublishAndWait(**bus, {MakeRecord("a", "lost")}).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_LT(SecondsSince(start), 5);
  EXPECT_EQ((*bus)->counts().queued, 0);
  EXPECT_TRUE(Eventually([&] { return !(*bus)->Accepting().ok(); }));
  EXPECT_NE((*bus)->Accepting().message().find("no broker can be reached"), std::string::npos);
  start = steady_clock::now();
  leaving.reset();
  EXPECT_LT(SecondsSince(start), 3);

  ASSERT_TRUE(server.Restart().ok());
  start = steady_clock::now();
  EXPECT_TRUE(Within(std::chrono::seconds(15),
                     [&] { return PublishAndWait(**bus, {MakeRecord("a", "2")}).ok(); }));
  std::cout << "published again after " << SecondsSince(start) << " s\n";
  EXPECT_TRUE(Within(std::chrono::seconds(20), [&] { return eater.count("a:2") > 0; }));
  std::cout << "consumed again after " << SecondsSince(start) << " s\n";
  EXPECT_TRUE((*bus)->Accepting().ok());
  EXPECT_EQ(eater.count("a:lost"), 0u);

  server.Kill();
  start = steady_clock::now();
  subscription.reset();
  EXPECT_LT(SecondsSince(start), 3);
  start = steady_clock::now();
  bus->reset();
  EXPECT_LT(SecondsSince(start), 3);
}

TEST(KafkaFault, T_E1_ABrokerOfThreeKilledUnderLoadLosesNothingThatWasAcknowledged) {
  KafkaServer server(
      {.brokers = 3, .folder = ::testing::TempDir() + "/three", .min_insync_replicas = 2});
  auto start = steady_clock::now();
  const absl::Status started = server.Start();
  ASSERT_TRUE(started.ok()) << started;
  std::cout << "three brokers after " << SecondsSince(start) << " s\n";
  const base::SystemClock clock;
  KafkaOptions options = OptionsFor(server);
  options.publish_timeout = absl::Seconds(20);
  options.replication_factor = 3;
  options.min_insync_replicas = 2;
  options.topics = {{.name = "fruit.v1"}};
  absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(options, clock);
  ASSERT_TRUE(bus.ok()) << bus.status();
  Eater eater;
  auto subscription = *(*bus)->Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::atomic<int> failed{0}, longest_ms{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> senders;
  for (int s = 0; s < 4; ++s) {
    senders.emplace_back([&, s] {
      for (int i = 0; !stop; ++i) {
        const std::string key = std::to_string((s * 7 + i) % 40), payload = base::Cat(s, ".", i);
        const auto sent = steady_clock::now();
        if (PublishAndWait(**bus, {MakeRecord(key, payload)}).ok()) {
          std::lock_guard lock(mutex);
          acknowledged.insert(base::Cat(key, ":", payload));
        } else {
          ++failed;
        }
        const int took = static_cast<int>(SecondsSince(sent) * 1000);
        if (took > longest_ms) longest_ms = took;
      }
    });
  }
  const auto reached = [&](size_t count) {
    std::lock_guard lock(mutex);
    return acknowledged.size() >= count;
  };
  EXPECT_TRUE(Within(std::chrono::seconds(20), [&] { return reached(500); }));
  // Each broker leads one of the three partitions; the first one is often the quorum's leader too.
  server.KillBroker(0);
  size_t before;
  {
    std::lock_guard lock(mutex);
    before = acknowledged.size();
  }
  EXPECT_TRUE(Within(std::chrono::seconds(30), [&] { return reached(before + 1000); }));
  EXPECT_TRUE(server.RestartBroker(0).ok());
  {
    std::lock_guard lock(mutex);
    before = acknowledged.size();
  }
  EXPECT_TRUE(Within(std::chrono::seconds(30), [&] { return reached(before + 300); }));
  stop = true;
  for (std::thread& sender : senders) sender.join();
  const auto all_seen = [&] {
    const std::vector<std::string> seen = eater.seen();
    const std::set<std::string> unique(seen.begin(), seen.end());
    return std::includes(unique.begin(), unique.end(), acknowledged.begin(), acknowledged.end());
  };
  EXPECT_TRUE(Within(std::chrono::seconds(30), all_seen));
  std::cout << acknowledged.size() << " acknowledged, " << failed << " failed, longest "
            << longest_ms << " ms, " << eater.count() << " handled\n";
}

// librdkafka's admin client of a producer dies of the answer "not coordinator" to a question for a
// group's position.
TEST(KafkaFault, AskingHowFarGroupsAreSurvivesThatTheirCoordinatorMoves) {
  KafkaServer server(
      {.brokers = 3, .folder = ::testing::TempDir() + "/moving", .min_insync_replicas = 2});
  ASSERT_TRUE(server.Start().ok());
  const base::SystemClock clock;
  KafkaOptions options = OptionsFor(server);
  options.publish_timeout = absl::Seconds(20);
  options.replication_factor = 3;
  options.min_insync_replicas = 2;
  options.topics = {{.name = "fruit.v1"}};
  options.lag_interval = absl::Milliseconds(20);
  absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(options, clock);
  ASSERT_TRUE(bus.ok()) << bus.status();
  Eater eater;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (const char* group : {"a", "b", "c", "d", "e", "f"})  // so that each broker coordinates some
    subscriptions.push_back(
        *(*bus)->Subscribe({.topic = "fruit.v1", .group = group}, eater.Handler()));
  ASSERT_TRUE(PublishAndWait(**bus, {MakeRecord("a", "1")}).ok());
  ASSERT_TRUE(Within(std::chrono::seconds(20), [&] { return eater.count() == 6; }));
  for (int broker = 0; broker < 3; ++broker) {
    server.KillBroker(broker);
    const size_t before = eater.count();
    EXPECT_TRUE(PublishAndWait(**bus, {MakeRecord("a", "2")}).ok());
    EXPECT_TRUE(Within(std::chrono::seconds(30), [&] { return eater.count() >= before + 6; }))
        << "the groups have coordinators again";
    ASSERT_TRUE(server.RestartBroker(broker).ok());
    // The old coordinator is asked first, and says that it is not any more.
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  EXPECT_TRUE(Within(std::chrono::seconds(20), [&] { return (*bus)->Accepting().ok(); }));
}

}  // namespace
}  // namespace cleanmail::bus::kafka
