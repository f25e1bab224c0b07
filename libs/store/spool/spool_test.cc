#include "libs/store/spool/spool.h"

#include <atomic>
#include <filesystem>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace cleanmail::spool {
namespace {

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/spool-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Open();
  }
  void Open() {
    auto opened = Spool::Open(folder_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    spool_ = *std::move(opened);
  }
  void Reopen() {
    spool_.reset();
    Open();
  }
  absl::Status Put(std::string key, std::string value,
                   Durability durability = Durability::kApplied) {
    Batch batch;
    batch.Put(Table::kEvents, std::move(key), std::move(value));
    return spool_->CommitAndWait(std::move(batch), durability);
  }
  std::string folder_;
  std::unique_ptr<Spool> spool_;
};

TEST_F(SpoolTest, GivesBackWhatWasPut) {
  ASSERT_TRUE(Put("a", "apple").ok());
  EXPECT_EQ(*spool_->Get(Table::kEvents, "a"), "apple");
  EXPECT_EQ(spool_->Get(Table::kEvents, "b").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(spool_->Get(Table::kState, "a").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SpoolTest, KeepsAppliedAndFlushedCommitsOverAReopening) {
  ASSERT_TRUE(Put("a", "apple").ok());
  ASSERT_TRUE(Put("b", "pear", Durability::kFlushed).ok());
  ASSERT_TRUE(Put("c", "plum").ok());
  Reopen();
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(spool_->Get(Table::kEvents, key).ok()) << key;
}

TEST_F(SpoolTest, ABatchSpansTablesAndKeepsItsOrder) {
  Batch batch;
  batch.Put(Table::kBodies, "k", "body");
  batch.Put(Table::kEvents, "k", "first");
  batch.Put(Table::kEvents, "k", "second");
  batch.Put(Table::kEvents, "m", "");
  batch.DeleteRange(Table::kEvents, "l", "n");
  ASSERT_TRUE(spool_->CommitAndWait(std::move(batch), Durability::kFlushed).ok());
  EXPECT_EQ(*spool_->Get(Table::kEvents, "k"), "second");
  EXPECT_EQ(*spool_->Get(Table::kBodies, "k"), "body");
  EXPECT_FALSE(spool_->Get(Table::kEvents, "m").ok());
}

TEST_F(SpoolTest, ScansARangeInOrderUntilToldToStop) {
  for (const char* key : {"d", "b", "a", "c"}) ASSERT_TRUE(Put(key, key).ok());
  std::string seen;
  ASSERT_TRUE(spool_
                  ->Scan(Table::kEvents, "b", "d",
                         [&](std::string_view key, std::string_view) {
                           seen += key;
                           return true;
                         })
                  .ok());
  EXPECT_EQ(seen, "bc");
  seen.clear();
  ASSERT_TRUE(spool_
                  ->Scan(Table::kEvents, "", "",
                         [&](std::string_view key, std::string_view) {
                           seen += key;
                           return seen.size() < 3;
                         })
                  .ok());
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(spool_->Last(Table::kEvents, "a", "d")->first, "c");
  EXPECT_EQ(spool_->Last(Table::kEvents, "e", "").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SpoolTest, SkipScanGoesOnFromTheKeyItIsGiven) {
  for (const char* key : {"a1", "a2", "b1", "b2", "c1"}) ASSERT_TRUE(Put(key, "").ok());
  std::string seen;
  ASSERT_TRUE(spool_
                  ->SkipScan(Table::kEvents, "", "",
                             [&](std::string_view key, std::string_view) {
                               seen += key;
                               return std::optional<std::string>(
                                   std::string(1, static_cast<char>(key[0] + 1)));
                             })
                  .ok());
  EXPECT_EQ(seen, "a1b1c1");
}

TEST_F(SpoolTest, ManyWritersShareFlushesAndAllAreTold) {
  constexpr int kWriters = 8, kEach = 50;
  std::vector<std::thread> writers;
  std::atomic<int> failed{0};
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        Batch batch;
        batch.Put(Table::kEvents, std::to_string(w) + "/" + std::to_string(i), "x");
        if (!spool_->CommitAndWait(std::move(batch), Durability::kFlushed).ok()) ++failed;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_LE(spool_->flushes(), kWriters * kEach);
  Reopen();
  int count = 0;
  ASSERT_TRUE(spool_
                  ->Scan(Table::kEvents, "", "",
                         [&](std::string_view, std::string_view) { return ++count, true; })
                  .ok());
  EXPECT_EQ(count, kWriters * kEach);
}

TEST_F(SpoolTest, CallsBackInTheOrderOfTheCalls) {
  std::vector<int> order;
  std::latch all(100);
  for (int i = 0; i < 100; ++i) {
    Batch batch;
    batch.Put(Table::kEvents, std::to_string(i), "x");
    spool_->Commit(std::move(batch), i % 3 == 0 ? Durability::kFlushed : Durability::kApplied,
                   [&, i](absl::Status) {
                     order.push_back(i);
                     all.count_down();
                   });
  }
  all.wait();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST_F(SpoolTest, FinishesWhatWasCommittedBeforeItCloses) {
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) {
    Batch batch;
    batch.Put(Table::kEvents, std::to_string(i), "x");
    spool_->Commit(std::move(batch), Durability::kApplied,
                   [&](absl::Status status) { done += status.ok(); });
  }
  spool_.reset();
  EXPECT_EQ(done.load(), 100);
}

TEST_F(SpoolTest, ASecondProcessIsRefused) {
  auto second = Spool::Open(folder_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable) << second.status();
}

TEST_F(SpoolTest, SaysHowMuchIsFree) { EXPECT_GT(*spool_->FreeBytes(), 0); }

TEST_F(SpoolTest, AnEmptyFlushedCommitIsAFlush) {
  ASSERT_TRUE(Put("a", "apple").ok());
  EXPECT_TRUE(spool_->CommitAndWait({}, Durability::kFlushed).ok());
  EXPECT_EQ(spool_->flushes(), 1);
}

}  // namespace
}  // namespace cleanmail::spool
