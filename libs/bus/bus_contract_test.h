#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "libs/bus/bus.h"

// What every Bus promises. A kind instantiates the suite with a factory:
// INSTANTIATE_TEST_SUITE_P(Journal, BusContract, Values(&Make)).
namespace cleanmail::bus {

// A bus under test. Restart ends the process's view of it and begins a new one over what was kept.
class BusUnderTest {
 public:
  virtual ~BusUnderTest() = default;
  virtual Bus& bus() = 0;
  virtual void Restart() = 0;
};

using BusFactory = std::function<std::unique_ptr<BusUnderTest>()>;

// Waits until `condition` is true, at most ten seconds.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline Record MakeRecord(std::string key, std::string payload, std::string topic = "fruit.v1") {
  return {.topic = {.name = std::move(topic)},
          .key = std::move(key),
          .payload = std::move(payload),
          .trace = "00-trace"};
}

inline absl::Status PublishAndWait(Bus& bus, std::vector<Record> records) {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<absl::Status> result;
  Publication publication;
  publication.records = std::move(records);
  bus.Publish(std::move(publication), [&](absl::Status status) {
    std::lock_guard lock(mutex);
    result = std::move(status);
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return result.has_value(); });
  return *result;
}

// A handler that remembers what it saw and answers by the payload.
class Eater {
 public:
  using Answer = std::function<absl::Status(const Inbound&)>;
  explicit Eater(Answer answer = [](const Inbound&) { return absl::OkStatus(); })
      : answer_(std::move(answer)) {}

  BatchHandler Handler() {
    return [this](std::vector<std::unique_ptr<Inbound>> batch) {
      for (auto& inbound : batch) {
        const absl::Status status = answer_(*inbound);
        {
          std::lock_guard lock(mutex_);
          seen_.push_back(inbound->key() + ":" + inbound->payload());
        }
        inbound->Finish(status);
      }
    };
  }
  std::vector<std::string> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  size_t count() const {
    std::lock_guard lock(mutex_);
    return seen_.size();
  }
  size_t count(const std::string& what) const {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count(seen_.begin(), seen_.end(), what));
  }

 private:
  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
};

class BusContract : public testing::TestWithParam<BusFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam()(); }
  Bus& bus() { return under_test_->bus(); }
  void Restart() { under_test_->Restart(); }
  std::unique_ptr<Subscription> Subscribe(SubscriptionOptions options, BatchHandler handler) {
    auto subscription = bus().Subscribe(std::move(options), std::move(handler));
    EXPECT_TRUE(subscription.ok()) << subscription.status();
    return subscription.ok() ? *std::move(subscription) : nullptr;
  }
  std::unique_ptr<BusUnderTest> under_test_;
};

TEST_P(BusContract, GivesEachEventToEachGroup) {
  Eater first, second;
  auto one = Subscribe({.topic = "fruit.v1", .group = "one"}, first.Handler());
  auto two = Subscribe({.topic = "fruit.v1", .group = "two"}, second.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "apple"), MakeRecord("b", "pear")}).ok());
  EXPECT_TRUE(Eventually([&] { return first.count() == 2 && second.count() == 2; }));
  EXPECT_TRUE(Eventually([&] { return one->lag() == 0 && one->in_hand() == 0; }));
}

TEST_P(BusContract, WhatComesWhileAWorkerRestsIsHandledTogether) {
  std::mutex mutex;
  std::vector<size_t> batches;
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .workers = 1, .rest = absl::Seconds(2)},
                [&](std::vector<std::unique_ptr<Inbound>> batch) {
                  for (auto& inbound : batch) inbound->Finish(absl::OkStatus());
                  std::lock_guard lock(mutex);
                  batches.push_back(batch.size());
                });
  const auto handled = [&] {
    std::lock_guard lock(mutex);
    return batches;
  };
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "first")}).ok());
  ASSERT_TRUE(Eventually([&] { return handled().size() == 1; }));
  for (const char* const key : {"b", "c", "d"})
    ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord(key, "next")}).ok());
  ASSERT_TRUE(Eventually([&] { return handled().size() == 2; }));
  EXPECT_EQ(handled(), (std::vector<size_t>{1, 3}));
}

TEST_P(BusContract, NobodyWaitsForAWorkerThatRests) {
  Eater eater;
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .rest = absl::Hours(1)}, eater.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "first")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count() == 1; }));
  const auto began = std::chrono::steady_clock::now();
  subscription.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST_P(BusContract, CarriesKeyPayloadTraceAndPosition) {
  std::mutex mutex;
  std::string trace;
  int64_t position = -2;
  auto subscription = Subscribe({.topic = "state.v1", .group = "one"},
                                [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                  for (auto& inbound : batch) {
                                    {
                                      std::lock_guard lock(mutex);
                                      trace = inbound->trace();
                                      position = inbound->position();
                                    }
                                    EXPECT_EQ(inbound->attempt(), 1);
                                    inbound->Finish(absl::OkStatus());
                                  }
                                });
  Record record = MakeRecord("a", "apple", "state.v1");
  record.topic.compacted = true;
  ASSERT_TRUE(PublishAndWait(bus(), {record}).ok());
  const auto got = [&] {
    std::lock_guard lock(mutex);
    return position >= 0;
  };
  ASSERT_TRUE(Eventually(got));
  std::lock_guard lock(mutex);
  EXPECT_EQ(trace, "00-trace");
  EXPECT_EQ(*bus().NewestPosition("state.v1"), position);
}

TEST_P(BusContract, AGroupThatComesLaterBeginsAtTheOldestEvent) {
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("k", std::to_string(i))}).ok());
  Eater eater;
  auto subscription = Subscribe({.topic = "fruit.v1", .group = "late"}, eater.Handler());
  ASSERT_TRUE(Eventually([&] { return eater.count() == 600; }));
  EXPECT_EQ(eater.seen().front(), "k:0");
  EXPECT_EQ(eater.seen().back(), "k:599");
}

TEST_P(BusContract, AGroupMayBeginAtTheNewestEvent) {
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "old")}).ok());
  Eater eater;
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "late", .from_start = false}, eater.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "new")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count() == 1; }));
  EXPECT_EQ(eater.seen()[0], "a:new");
}

TEST_P(BusContract, KeepsTheOrderOfEachKey) {
  Eater eater;
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .workers = 4, .batch = 7}, eater.Handler());
  constexpr int kKeys = 10, kEach = 100;
  for (int i = 0; i < kEach; ++i) {
    std::vector<Record> records;
    for (int k = 0; k < kKeys; ++k)
      records.push_back(MakeRecord(std::to_string(k), std::to_string(i)));
    ASSERT_TRUE(PublishAndWait(bus(), std::move(records)).ok());
  }
  ASSERT_TRUE(Eventually([&] { return eater.count() == kKeys * kEach; }));
  std::map<std::string, int> next;
  for (const std::string& seen : eater.seen()) {
    const std::string key = seen.substr(0, seen.find(':'));
    EXPECT_EQ(seen, key + ":" + std::to_string(next[key]++));
  }
}

TEST_P(BusContract, AnEventToBeTriedAgainHoldsItsKeyAndNoOther) {
  std::atomic<bool> closed{true};
  Eater eater([&](const Inbound& inbound) {
    return inbound.key() == "stuck" && closed ? absl::UnavailableError("engine away")
                                              : absl::OkStatus();
  });
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .workers = 1}, eater.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("stuck", "1"), MakeRecord("stuck", "2"),
                                     MakeRecord("free", "1")})
                  .ok());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("free", "2"), MakeRecord("free", "3")}).ok());
  EXPECT_TRUE(Eventually([&] { return eater.count("free:3") == 1; }));
  EXPECT_TRUE(Eventually([&] { return eater.count("stuck:1") >= 2; }));
  EXPECT_GT(subscription->lag(), 0);
  closed = false;
  EXPECT_TRUE(Eventually([&] { return eater.count("stuck:2") > 0 && subscription->lag() == 0; }));
  const std::vector<std::string> seen = eater.seen();
  EXPECT_EQ(seen.back(), "stuck:2");
}

TEST_P(BusContract, WhenAnEngineIsBackKeysDoNotSitOutThePausesThatGrewMeanwhile) {
  std::atomic<bool> away{true};
  Eater eater([&](const Inbound&) {
    return away ? absl::UnavailableError("engine away") : absl::OkStatus();
  });
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .workers = 1}, eater.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("old", "1")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count("old:1") == 10; }));  // the next pause: 2.6 s
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("new", "1")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count("new:1") == 2; }));
  away = false;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(Eventually([&] { return subscription->lag() == 0; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1300));
}

TEST_P(BusContract, T_E3_APoisonEventGoesToTheDeadLetterTwinAndOthersGoOn) {
  Eater eater([](const Inbound& inbound) {
    return inbound.payload() == "poison" ? absl::InvalidArgumentError("cannot be eaten")
                                         : absl::OkStatus();
  });
  Eater undertaker;
  auto subscription =
      Subscribe({.topic = "fruit.v1", .group = "one", .workers = 1}, eater.Handler());
  auto dead = Subscribe({.topic = "fruit.v1.dead", .group = "undertaker"}, undertaker.Handler());
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "1"), MakeRecord("a", "poison"),
                                     MakeRecord("a", "2"), MakeRecord("b", "3")})
                  .ok());
  EXPECT_TRUE(Eventually([&] { return eater.count() == 4 && subscription->lag() == 0; }));
  EXPECT_EQ(eater.count("a:poison"), 1u);
  EXPECT_EQ(eater.count("a:2"), 1u);
  EXPECT_TRUE(Eventually([&] { return undertaker.count() == 1; }));
  EXPECT_NE(undertaker.seen()[0].find("cannot be eaten"), std::string::npos);
}

TEST_P(BusContract, T_E2_WhatWasNotFinishedIsGivenAgainAfterARestart) {
  {
    std::mutex mutex;
    std::vector<std::unique_ptr<Inbound>> kept;
    std::atomic<bool> done{false};
    auto subscription = Subscribe({.topic = "fruit.v1", .group = "one"},
                                  [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                    for (auto& inbound : batch) {
                                      if (inbound->key() == "done") {
                                        inbound->Finish(absl::OkStatus());
                                        done = true;
                                      } else {
                                        std::lock_guard lock(mutex);
                                        kept.push_back(std::move(inbound));
                                      }
                                    }
                                  });
    ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("done", "1"), MakeRecord("open", "2")}).ok());
    const auto both = [&] {
      std::lock_guard lock(mutex);
      return done && kept.size() == 1 && subscription->in_hand() == 1;
    };
    ASSERT_TRUE(Eventually(both));
    subscription.reset();
  }
  Restart();
  Eater eater;
  auto subscription = Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  EXPECT_TRUE(Eventually([&] { return eater.count("open:2") == 1; }));
  EXPECT_EQ(eater.count("done:1"), 0u);
}

TEST_P(BusContract, AnEventDroppedUnfinishedComesAgain) {
  std::atomic<int> attempts{0};
  auto subscription = Subscribe({.topic = "fruit.v1", .group = "one"},
                                [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                  for (auto& inbound : batch) {
                                    attempts = inbound->attempt();
                                    if (inbound->attempt() > 1) inbound->Finish(absl::OkStatus());
                                  }
                                });
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "1")}).ok());
  EXPECT_TRUE(Eventually([&] { return attempts == 2 && subscription->lag() == 0; }));
}

TEST_P(BusContract, StopsGivingOutAtTheWindow) {
  std::mutex mutex;
  std::vector<std::unique_ptr<Inbound>> kept;
  auto subscription = Subscribe({.topic = "fruit.v1", .group = "one", .window = 10},
                                [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                  std::lock_guard lock(mutex);
                                  for (auto& inbound : batch) kept.push_back(std::move(inbound));
                                });
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord(std::to_string(i), "x")}).ok());
  EXPECT_TRUE(Eventually([&] { return subscription->in_hand() == 10; }));
  EXPECT_TRUE(Eventually([&] { return subscription->lag() == 50; }));
  int finished = 0;
  const auto finish_all = [&] {
    std::vector<std::unique_ptr<Inbound>> now;
    {
      std::lock_guard lock(mutex);
      now.swap(kept);
    }
    EXPECT_LE(now.size(), 10u);
    for (auto& inbound : now) inbound->Finish(absl::OkStatus());
    finished += static_cast<int>(now.size());
    return finished == 50;
  };
  EXPECT_TRUE(Eventually(finish_all));
}

TEST_P(BusContract, APausedSubscriptionGivesNothingUntilResumed) {
  Eater eater;
  auto subscription = Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  subscription->Pause();
  ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord("a", "1")}).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(eater.count(), 0u);
  subscription->Resume();
  EXPECT_TRUE(Eventually([&] { return eater.count() == 1; }));
}

TEST_P(BusContract, ACompactedTopicKeepsTheNewestOfEachKeyOverARestart) {
  const auto state = [](std::string key, std::string payload, bool tombstone = false) {
    Record record = MakeRecord(std::move(key), std::move(payload), "state.v1");
    record.topic.compacted = true;
    record.tombstone = tombstone;
    return record;
  };
  ASSERT_TRUE(PublishAndWait(bus(), {state("a", "1"), state("b", "1"), state("a", "2")}).ok());
  ASSERT_TRUE(PublishAndWait(bus(), {state("a", "3")}).ok());
  ASSERT_TRUE(PublishAndWait(bus(), {state("b", "", true)}).ok());
  Restart();
  ASSERT_TRUE(PublishAndWait(bus(), {state("c", "1")}).ok());
  std::mutex mutex;
  std::map<std::string, std::string> seen;
  int64_t last = -1;
  auto follower = bus().Follow("state.v1", -1, [&](Change change) {
    std::lock_guard lock(mutex);
    EXPECT_GT(change.position, last);
    last = change.position;
    seen[change.key] = change.tombstone ? "(gone)" : change.payload;
  });
  ASSERT_TRUE(follower.ok());
  ASSERT_TRUE(PublishAndWait(bus(), {state("d", "1")}).ok());
  const auto all = [&] {
    std::lock_guard lock(mutex);
    return seen.contains("d");
  };
  ASSERT_TRUE(Eventually(all));
  std::lock_guard lock(mutex);
  EXPECT_EQ(seen, (std::map<std::string, std::string>{
                      {"a", "3"}, {"b", "(gone)"}, {"c", "1"}, {"d", "1"}}));
}

TEST_P(BusContract, AFollowerBeginsBehindThePositionItNames) {
  Record first = MakeRecord("a", "1", "state.v1"), second = MakeRecord("b", "2", "state.v1");
  first.topic.compacted = second.topic.compacted = true;
  ASSERT_TRUE(PublishAndWait(bus(), {first}).ok());
  const int64_t position = *bus().NewestPosition("state.v1");
  ASSERT_TRUE(PublishAndWait(bus(), {second}).ok());
  std::mutex mutex;
  std::vector<std::string> seen;
  auto follower = bus().Follow("state.v1", position, [&](Change change) {
    std::lock_guard lock(mutex);
    seen.push_back(change.key);
  });
  const auto one = [&] {
    std::lock_guard lock(mutex);
    return seen.size() == 1;
  };
  ASSERT_TRUE(Eventually(one));
  std::lock_guard lock(mutex);
  EXPECT_EQ(seen[0], "b");
}

TEST_P(BusContract, ATopicWithoutEventsHasNoNewest) {
  EXPECT_EQ(*bus().NewestPosition("nothing.v1"), -1);
}

TEST_P(BusContract, NoHandlerRunsAfterTheSubscriptionIsGone) {
  std::atomic<bool> gone{false};
  for (int round = 0; round < 20; ++round) {
    gone = false;
    auto subscription = Subscribe({.topic = "fruit.v1", .group = "one"},
                                  [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                    EXPECT_FALSE(gone);
                                    for (auto& inbound : batch) inbound->Finish(absl::OkStatus());
                                  });
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(PublishAndWait(bus(), {MakeRecord(std::to_string(i), "x")}).ok());
    subscription.reset();
    gone = true;
  }
}

}  // namespace cleanmail::bus
