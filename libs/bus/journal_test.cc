#include "libs/bus/journal.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "libs/base/clock.h"
#include "libs/base/fake_clock.h"
#include "libs/bus/bus_contract_test.h"

namespace cleanmail::bus {
namespace {

class JournalUnderTest final : public BusUnderTest {
 public:
  explicit JournalUnderTest(JournalOptions options = {}) : options_(std::move(options)) {
    static int number = 0;
    folder_ = testing::TempDir() + "/journal-" + std::to_string(number++);
    std::filesystem::remove_all(folder_);
    options_.first_retry = absl::Milliseconds(5);
    options_.min_free_bytes = 0;
    Open();
  }
  Bus& bus() override { return *journal_; }
  void Restart() override {
    journal_.reset();
    spool_.reset();
    Open();
  }
  Journal& journal() { return *journal_; }
  spool::Spool& spool() { return *spool_; }
  base::FakeClock& clock() { return clock_; }
  void Change(JournalOptions options) {
    options_ = std::move(options);
    Restart();
  }

 private:
  void Open() {
    spool_ = *spool::Spool::Open(folder_);
    journal_ = *Journal::Create(*spool_, clock_, options_);
  }
  JournalOptions options_;
  std::string folder_;
  base::FakeClock clock_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<Journal> journal_;
};

INSTANTIATE_TEST_SUITE_P(Journal, BusContract,
                         testing::Values([] { return std::make_unique<JournalUnderTest>(); }));

int64_t EventsKept(spool::Spool& spool) {
  int64_t count = 0;
  EXPECT_TRUE(spool
                  .Scan(spool::Table::kEvents, "", "",
                        [&](std::string_view, std::string_view) { return ++count, true; })
                  .ok());
  return count;
}

TEST(Journal, AGroupReadsATopicOnceAtATime) {
  JournalUnderTest test;
  Eater eater;
  auto first = test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  EXPECT_EQ(
      test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler()).status().code(),
      absl::StatusCode::kAlreadyExists);
  first->reset();
  EXPECT_TRUE(test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler()).ok());
}

TEST(Journal, TrimKeepsWhatAGroupHasNotFinishedAndWhatIsYoung) {
  JournalUnderTest test;
  std::atomic<bool> closed{true};
  Eater eater([&](const Inbound& inbound) {
    return inbound.key() == "2" && closed ? absl::UnavailableError("later") : absl::OkStatus();
  });
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord(std::to_string(i), "x")}).ok());
  ASSERT_TRUE(Eventually([&] { return subscription->lag() == 1; }));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_EQ(EventsKept(test.spool()), 4) << "young events stay";
  test.clock().Advance(absl::Hours(25));
  ASSERT_TRUE(
      Eventually([&] { return test.journal().Trim().ok() && EventsKept(test.spool()) == 2; }));
  closed = false;
  ASSERT_TRUE(
      Eventually([&] { return test.journal().Trim().ok() && EventsKept(test.spool()) == 0; }));
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "x")}).ok());
  EXPECT_EQ(*test.bus().NewestPosition("fruit.v1"), 4) << "positions are never used again";
}

TEST(Journal, PositionsAreNotUsedAgainAfterTrimAndRestart) {
  JournalUnderTest test;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "x")}).ok());
  test.clock().Advance(absl::Hours(25));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_EQ(EventsKept(test.spool()), 0);
  test.Restart();
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "x")}).ok());
  EXPECT_EQ(*test.bus().NewestPosition("fruit.v1"), 3);
}

TEST(Journal, AGroupNobodySubscribesForAWeekHoldsNothing) {
  JournalUnderTest test;
  Eater eater([](const Inbound&) { return absl::UnavailableError("never"); });
  {
    auto subscription =
        test.bus().Subscribe({.topic = "fruit.v1", .group = "removed"}, eater.Handler());
  }
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "x")}).ok());
  test.clock().Advance(absl::Hours(6 * 24));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_EQ(EventsKept(test.spool()), 1);
  test.clock().Advance(absl::Hours(2 * 24));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_EQ(EventsKept(test.spool()), 0);
}

TEST(Journal, TrimNeverTouchesTheNewestOfACompactedTopic) {
  JournalUnderTest test;
  Record record = MakeRecord("a", "1", "state.v1"), gone = MakeRecord("b", "", "state.v1");
  record.topic.compacted = gone.topic.compacted = true;
  gone.tombstone = true;
  ASSERT_TRUE(PublishAndWait(test.bus(), {record, gone}).ok());
  test.Restart();
  test.clock().Advance(absl::Hours(7 * 24));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_EQ(EventsKept(test.spool()), 2);
  test.clock().Advance(absl::Hours(2 * 24));
  ASSERT_TRUE(test.journal().Trim().ok());
  EXPECT_TRUE(Eventually([&] { return EventsKept(test.spool()) == 1; })) << "an old tombstone ends";
}

TEST(Journal, AcceptsNoMailWhenTheDiskIsNearlyFull) {
  JournalUnderTest test;
  EXPECT_TRUE(test.journal().Accepting().ok());
  test.Change({.min_free_bytes = int64_t{1} << 60});
  EXPECT_EQ(test.journal().Accepting().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Journal, AcceptsNoMailWhenAGroupIsFarBehind) {
  JournalUnderTest test;
  test.Change({.min_free_bytes = 0, .max_lag = 2});
  Eater eater;
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  subscription->Pause();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "x")}).ok());
  EXPECT_TRUE(Eventually([&] { return absl::IsResourceExhausted(test.journal().Accepting()); }));
  subscription->Resume();
  EXPECT_TRUE(Eventually([&] { return test.journal().Accepting().ok(); }));
}

TEST(Journal, T_E3_DamagedBytesAreBuriedAndOthersGoOn) {
  JournalUnderTest test;
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "1")}).ok());
  spool::Batch batch;
  batch.Put(spool::Table::kEvents, std::string("fruit.v1\0\0\0\0\0\0\0\0\1", 17),
            "\x07 not an event");
  ASSERT_TRUE(test.spool().CommitAndWait(std::move(batch), spool::Durability::kApplied).ok());
  test.Restart();
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "2")}).ok());
  Eater eater;
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  EXPECT_TRUE(Eventually([&] { return subscription->lag() == 0; }));
  EXPECT_EQ(eater.seen(), (std::vector<std::string>{"a:1", "a:2"}));
  EXPECT_EQ(test.journal().dead_letters(), 1);
}

TEST(Journal, AManyThousandEventsBehindAWaitingKeyKeepTheirOrder) {
  JournalUnderTest test;
  std::atomic<bool> closed{true};
  Eater eater(
      [&](const Inbound&) { return closed ? absl::UnavailableError("later") : absl::OkStatus(); });
  auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "one"}, eater.Handler());
  ASSERT_TRUE(PublishAndWait(test.bus(), {MakeRecord("a", "0")}).ok());
  ASSERT_TRUE(Eventually([&] { return eater.count() > 0; }));
  for (int i = 1; i < 2000; i += 100) {
    std::vector<Record> records;
    for (int j = i; j < i + 100; ++j) records.push_back(MakeRecord("a", std::to_string(j)));
    ASSERT_TRUE(PublishAndWait(test.bus(), std::move(records)).ok());
  }
  closed = false;
  ASSERT_TRUE(Eventually([&] { return subscription->lag() == 0; }));
  const std::vector<std::string> seen = eater.seen();
  EXPECT_EQ(seen.back(), "a:2000");
  std::vector<std::string> last(seen.end() - 1500, seen.end());
  for (int i = 0; i < 1500; ++i) EXPECT_EQ(last[i], "a:" + std::to_string(501 + i));
}

TEST(Journal, LateFinishesAndDropsHaveNoEffect) {
  std::vector<std::unique_ptr<Inbound>> kept;
  std::mutex mutex;
  {
    JournalUnderTest test;
    auto subscription = *test.bus().Subscribe({.topic = "fruit.v1", .group = "one"},
                                              [&](std::vector<std::unique_ptr<Inbound>> batch) {
                                                std::lock_guard lock(mutex);
                                                for (auto& inbound : batch)
                                                  kept.push_back(std::move(inbound));
                                              });
    ASSERT_TRUE(PublishAndWait(test.bus(),
                               {MakeRecord("a", "1"), MakeRecord("b", "2"), MakeRecord("c", "3")})
                    .ok());
    ASSERT_TRUE(Eventually([&] { return subscription->in_hand() == 3; }));
  }
  kept[0]->Finish(absl::OkStatus());
  kept[1]->Finish(absl::InvalidArgumentError("too late to be buried"));
  kept.clear();
}

}  // namespace
}  // namespace cleanmail::bus
