#include "libs/bus/kafka/kafka_bus.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/bus/bus_contract_test.h"
#include "libs/bus/events.h"
#include "libs/testing/kafka_server.h"

namespace cleanmail::bus::kafka {
namespace {

using cleanmail::testing::KafkaServer;

const base::SystemClock& SystemClock() {
  static const base::SystemClock clock;
  return clock;
}

// One broker for all tests of this program; each test has names of its own.
KafkaServer& Server() {
  static KafkaServer* const server = [] {
    auto* made = new KafkaServer({.folder = ::testing::TempDir() + "/kafka"});
    const absl::Status started = made->Start();
    if (!started.ok()) ADD_FAILURE() << started;
    return made;
  }();
  return *server;
}

class StopServer final : public ::testing::Environment {
 public:
  void SetUp() override { Server(); }
  void TearDown() override { Server().Kill(); }
};
[[maybe_unused]] const auto* const kStopServer =
    ::testing::AddGlobalTestEnvironment(new StopServer);

KafkaOptions TestOptions() {
  static int number = 0;
  return {.brokers = Server().addresses(),
          .prefix = base::Cat("t", ++number, "."),
          .topics = {{.name = "state.v1", .compacted = true}},
          .partitions = 3,
          .first_retry = absl::Milliseconds(5),
          .commit_interval = absl::Milliseconds(20),
          .assignment_wait = absl::Seconds(10),
          .log = [](int level, std::string_view text) {
            if (level <= 4) std::cerr << text << "\n";
          }};
}

class KafkaUnderTest final : public BusUnderTest {
 public:
  explicit KafkaUnderTest(KafkaOptions options = TestOptions()) : options_(std::move(options)) {
    Open();
  }
  Bus& bus() override { return *bus_; }
  KafkaBus& kafka() { return *bus_; }
  void Restart() override {
    bus_.reset();
    Open();
  }

 private:
  void Open() {
    absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(options_, SystemClock());
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = *std::move(bus);
  }
  const KafkaOptions options_;
  std::unique_ptr<KafkaBus> bus_;
};

INSTANTIATE_TEST_SUITE_P(Kafka, BusContract,
                         ::testing::Values([] { return std::make_unique<KafkaUnderTest>(); }));

TEST(KafkaBus, AMemberThatLeavesWhileItStillJoinsEndsWell) {
  KafkaOptions options = TestOptions();
  options.assignment_wait = absl::ZeroDuration();
  KafkaUnderTest bus(options);
  Eater eater;  // the others keep the group from settling
  std::vector<std::unique_ptr<Subscription>> members;
  for (int member = 0; member < 3; ++member) {
    members.push_back(*bus.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler()));
    absl::SleepFor(absl::Milliseconds(36));
  }
  while (!members.empty()) members.pop_back();
}

TEST(KafkaBus, AMemberThatLeavesHandsItsKeysOverAndNothingIsGivenTwice) {
  const KafkaOptions options = TestOptions();
  KafkaUnderTest one(options), two(options);
  Eater first, second;
  auto staying = *one.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, first.Handler());
  auto leaving = *two.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, second.Handler());
  size_t published = 0;
  const auto publish = [&] {
    std::vector<Record> records;
    for (int i = 0; i < 50; ++i)
      records.push_back(MakeRecord(std::to_string(i), std::to_string(published++)));
    ASSERT_TRUE(PublishAndWait(one.bus(), std::move(records)).ok());
  };
  const auto shared = [&] {
    publish();
    return first.count() > 0 && second.count() > 0;
  };
  ASSERT_TRUE(Eventually(shared));
  publish();
  leaving.reset();
  publish();
  EXPECT_TRUE(Eventually([&] { return first.count() + second.count() >= published; }));
  std::vector<std::string> all = first.seen();
  for (std::string& each : second.seen()) all.push_back(std::move(each));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), published);
}

TEST(KafkaBus, T_E2_AnEventFinishedAfterItsPartitionHasMovedIsGivenToTheNewMember) {
  KafkaOptions options = TestOptions();
  options.revoke_patience = absl::Milliseconds(50);
  KafkaUnderTest one(options), two(options);
  std::mutex mutex;
  std::vector<std::unique_ptr<Inbound>> kept;
  auto holding = *one.bus().Subscribe({.topic = "fruit.v1", .group = "g"},
                                      [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                        std::lock_guard lock(mutex);
                                        for (auto& inbound : batch)
                                          kept.push_back(std::move(inbound));
                                      });
  std::vector<Record> records;
  for (int i = 0; i < 30; ++i) records.push_back(MakeRecord(std::to_string(i), "x"));
  ASSERT_TRUE(PublishAndWait(one.bus(), std::move(records)).ok());
  ASSERT_TRUE(Eventually([&] { return holding->in_hand() == 30; }));
  Eater eater;
  auto coming = *two.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  ASSERT_TRUE(Eventually([&] { return eater.count() > 0; }));
  EXPECT_TRUE(Eventually([&] { return holding->in_hand() + eater.count() == 30; }));
  {
    std::lock_guard lock(mutex);
    for (auto& inbound : kept) inbound->Finish(absl::OkStatus());
    kept.clear();
  }
  EXPECT_TRUE(Eventually([&] { return holding->lag() + coming->lag() == 0; }));
}

TEST(KafkaBus, TenThousandEventsWithRetriesAreEachFinishedInTheOrderOfTheirKeys) {
  KafkaUnderTest test;
  std::mutex mutex;
  std::map<std::string, std::vector<int>> done;
  std::atomic<int> finished{0};
  auto subscription = *test.bus().Subscribe(
      {.topic = "fruit.v1", .group = "g", .workers = 4},
      [&](std::vector<std::unique_ptr<Inbound>> batch) {
        std::set<std::string> failed;  // those behind one that is tried again come again
        for (auto& inbound : batch) {
          const int number = std::stoi(inbound->payload());
          if (failed.contains(inbound->key()) || (number % 17 == 0 && inbound->attempt() == 1)) {
            failed.insert(inbound->key());
            inbound->Finish(absl::UnavailableError("again"));
            continue;
          }
          {
            std::lock_guard lock(mutex);
            done[inbound->key()].push_back(number);
          }
          inbound->Finish(absl::OkStatus());
          ++finished;
        }
      });
  constexpr int kEvents = 10'000, kKeys = 200;
  for (int i = 0; i < kEvents;) {
    std::vector<Record> records;
    for (int k = 0; k < 500; ++k, ++i)
      records.push_back(MakeRecord(std::to_string(i % kKeys), std::to_string(i)));
    ASSERT_TRUE(PublishAndWait(test.bus(), std::move(records)).ok());
  }
  EXPECT_TRUE(Eventually([&] { return finished == kEvents && subscription->lag() == 0; }));
  std::lock_guard lock(mutex);
  for (const auto& [key, numbers] : done) {
    EXPECT_EQ(numbers.size(), static_cast<size_t>(kEvents / kKeys));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << key;
  }
}

TEST(KafkaBus, T_D8_APartitionWithTooManyEventsBehindAWaitingKeyStopsAndGoesOnLater) {
  KafkaOptions options = TestOptions();
  options.partitions = 1;
  options.held = 20;
  KafkaUnderTest test(options);
  std::atomic<bool> closed{true};
  Eater eater([&](const Inbound& inbound) {
    return inbound.key() == "stuck" && closed ? absl::UnavailableError("away") : absl::OkStatus();
  });
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("stuck", std::to_string(i))}).ok());
  }
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("free", "x")}).ok());
  EXPECT_TRUE(Eventually([&] { return subscription->lag() == 101; }));
  EXPECT_EQ(eater.count("free:x"), 0u);
  closed = false;
  EXPECT_TRUE(
      Eventually([&] { return eater.count("free:x") == 1 && eater.count("stuck:99") == 1; }));
  EXPECT_TRUE(Eventually([&] { return subscription->lag() == 0; }));
}

TEST(KafkaBus, WhatIsFinishedBesideAWaitingKeyIsNotedUpToTheFirstThatIsNot) {
  KafkaOptions options = TestOptions();
  options.partitions = 1;
  KafkaUnderTest test(options);
  {
    Eater eater([](const Inbound& inbound) {
      return inbound.key() == "stuck" ? absl::UnavailableError("away") : absl::OkStatus();
    });
    auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
    ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "1"), MakeRecord("stuck", "2"),
                                            MakeRecord("b", "3")})
                    .ok());
    EXPECT_TRUE(Eventually([&] { return eater.count("b:3") == 1 && eater.count("stuck:2") > 0; }));
  }
  Eater eater;
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  EXPECT_TRUE(Eventually([&] { return eater.count() == 2; }));
  EXPECT_EQ(eater.count("a:1"), 0u);
}

TEST(KafkaBus, T_D8_NoMoreIsAcceptedWhileALivingGroupIsTooFarBehind) {
  KafkaOptions options = TestOptions();
  options.max_lag = 50;
  options.lag_interval = absl::Milliseconds(50);
  KafkaUnderTest publisher(options), reader(options);
  std::atomic<bool> closed{true};
  Eater eater([&](const Inbound& inbound) {
    return closed && inbound.payload() != "first" ? absl::UnavailableError("away")
                                                  : absl::OkStatus();
  });
  auto subscription = *reader.bus().Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(PublishAndWait(publisher.bus(), {MakeRecord(std::to_string(i), "first")}).ok());
  EXPECT_TRUE(Eventually([&] { return subscription->lag() == 0; }));
  EXPECT_TRUE(publisher.bus().Accepting().ok());
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(PublishAndWait(publisher.bus(), {MakeRecord(std::to_string(i % 20), "x")}).ok());
  EXPECT_TRUE(Eventually(
      [&] { return publisher.bus().Accepting().code() == absl::StatusCode::kResourceExhausted; }));
  EXPECT_NE(publisher.bus().Accepting().message().find("g.fruit.v1 is "), std::string::npos);
  closed = false;
  EXPECT_TRUE(Eventually([&] { return publisher.bus().Accepting().ok(); }));
}

TEST(KafkaBus, AnEventTooLargeIsRefusedAndWhatWasKeptBesideItIsCounted) {
  KafkaOptions options = TestOptions();
  options.max_event_bytes = 10'000;
  KafkaUnderTest test(options);
  const absl::Status refused = PublishAndWait(
      test.bus(), {MakeRecord("a", "small"), MakeRecord("b", std::string(20'000, 'x'))});
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << refused;
  EXPECT_EQ(test.kafka().counts().partly_kept, 1);
  EXPECT_EQ(test.kafka().counts().queued, 0);
}

class UnkeptBody final : public blob::Finished {
 public:
  std::optional<spool::Batch> TakeBatch() override { return spool::Batch(); }
};

TEST(KafkaBus, ABodyThatIsKeptNowhereFailsItsPublication) {
  KafkaUnderTest test;
  Publication publication;
  publication.records.push_back(MakeRecord("a", "1"));
  publication.bodies.push_back(std::make_unique<UnkeptBody>());
  std::promise<absl::Status> result;
  test.bus().Publish(std::move(publication),
                     [&](absl::Status status) { result.set_value(status); });
  EXPECT_EQ(result.get_future().get().code(), absl::StatusCode::kInternal);
}

TEST(KafkaBus, ATopicInAnotherFormThanItsEventsNeedIsSaid) {
  KafkaOptions options = TestOptions();
  options.topics = {{.name = "things.v1"}};
  ASSERT_TRUE(KafkaBus::Create(options, SystemClock()).ok());
  options.topics[0].compacted = true;
  const absl::Status refused = KafkaBus::Create(options, SystemClock()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.message().find("things.v1 is compacted and must have one partition, not 3"),
            std::string::npos);
  options.topics[0].compacted = false;
  options.partitions = 4;
  options.retention = absl::Hours(1);
  std::string said;
  options.log = [&](int, std::string_view text) { said += base::Cat(text, "\n"); };
  ASSERT_TRUE(KafkaBus::Create(options, SystemClock()).ok());
  EXPECT_NE(said.find("things.v1 has 3 partitions, wanted are 4"), std::string::npos) << said;
  EXPECT_NE(said.find("things.v1 has retention.ms = 691200000, wanted is 3600000"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("things.v1.dead has 3 partitions"), std::string::npos) << said;
}

TEST(KafkaBus, APositionOfATopicWithSeveralPartitionsIsRefused) {
  KafkaUnderTest test;
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "1")}).ok());
  EXPECT_EQ(test.bus().NewestPosition("fruit.v1").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(KafkaBus, TheNewestPositionIsRightStraightAfterAnotherProcessHasPublished) {
  const KafkaOptions options = TestOptions();
  KafkaUnderTest one(options), two(options);
  Record record = MakeRecord("a", "1", "state.v1");
  record.topic.compacted = true;
  for (int64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(PublishAndWait(one.bus(), {record}).ok());
    ASSERT_EQ(*two.bus().NewestPosition("state.v1"), i);
  }
}

TEST(KafkaBus, ASettingLibrdkafkaDoesNotKnowIsRefused) {
  KafkaOptions options = TestOptions();
  options.properties["no.such.setting"] = "1";
  EXPECT_EQ(KafkaBus::Create(options, SystemClock()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(KafkaBus, ACertificateThatCannotBeReadIsRefused) {
  KafkaOptions options = TestOptions();
  options.tls = {.on = true, .ca_file = "/nowhere/ca.pem"};
  EXPECT_EQ(KafkaBus::Create(options, SystemClock()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cleanmail::bus::kafka
