#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/store/spool/spool.h"
#include "libs/store/spool/unsynced_file_system.h"

namespace cleanmail::spool {
namespace {

using Fault = UnsyncedFileSystem::Fault;
using Loss = UnsyncedFileSystem::Loss;

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A spool on a disk that can break.
class Machine {
 public:
  explicit Machine(size_t memory = 64 << 10) : memory_(memory) {
    static int number = 0;
    const std::string root = testing::TempDir() + "/machine-" + std::to_string(number++);
    std::filesystem::remove_all(root);
    folder_ = root + "/spool";
    std::filesystem::create_directories(folder_);
    disk_ = std::make_unique<UnsyncedFileSystem>(root + "/trash");
  }
  absl::Status Start() {
    auto opened = Spool::Open(folder_, {.rocksdb_env = disk_->env(),
                                        .body_memory_bytes = memory_,
                                        .recovery_interval = absl::Milliseconds(5)});
    if (opened.ok()) spool_ = *std::move(opened);
    return opened.status();
  }
  void Stop() { spool_.reset(); }
  UnsyncedFileSystem& disk() { return *disk_; }
  Spool& spool() { return *spool_; }

  absl::Status Put(const std::string& key, const std::string& value, Durability durability) {
    Batch batch;
    batch.Put(Table::kEvents, key, "event of " + key);
    batch.Put(Table::kBodies, key, value);
    return spool_->CommitAndWait(std::move(batch), durability);
  }
  bool Has(const std::string& key) {
    const bool event = spool_->Get(Table::kEvents, key).ok(),
               body = spool_->Get(Table::kBodies, key).ok();
    EXPECT_EQ(event, body) << key << " is half there";
    return event;
  }

 private:
  const size_t memory_;
  std::string folder_;
  std::unique_ptr<UnsyncedFileSystem> disk_;
  std::unique_ptr<Spool> spool_;
};

std::string Name(int i) { return "key" + std::to_string(1000 + i); }

// Writes a run of commits, every third flushed; returns how many were told OK, and the last flushed
// among them (-1: none).
struct Told {
  int ok = 0;
  int flushed = -1;
};
Told WriteRun(Machine& machine, int count, size_t bytes) {
  Told told;
  for (int i = 0; i < count; ++i) {
    const bool flushed = i % 3 == 2;
    if (!machine
             .Put(Name(i), std::string(bytes, static_cast<char>('a' + i % 26)),
                  flushed ? Durability::kFlushed : Durability::kApplied)
             .ok())
      break;
    ++told.ok;
    if (flushed) told.flushed = i;
  }
  return told;
}

// What is there is a beginning of what was written, at least up to the last flush that was told.
void ExpectPrefix(Machine& machine, const Told& told, int count, int64_t step) {
  int there = 0;
  while (there < count && machine.Has(Name(there))) ++there;
  for (int i = there; i < count; ++i)
    EXPECT_FALSE(machine.Has(Name(i))) << "a gap at " << there << ", power lost at step " << step;
  EXPECT_GT(there, told.flushed) << "power lost at step " << step;
}

void LosePowerAtEachStep(Loss loss, int count, size_t bytes, int64_t stride) {
  int64_t last = 0;
  for (int64_t step = 1;; step += stride) {
    Machine machine;
    machine.disk().LosePowerAt(step);
    Told told;
    if (machine.Start().ok()) told = WriteRun(machine, count, bytes);
    machine.Stop();
    last = step;
    if (!machine.disk().lost_power()) break;
    machine.disk().RestorePower(loss, static_cast<uint64_t>(step));
    ASSERT_TRUE(machine.Start().ok()) << "power lost at step " << step << ": " << machine.Start();
    ExpectPrefix(machine, told, count, step);
    ASSERT_TRUE(machine.Put("after", "x", Durability::kFlushed).ok());
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(last, 20);
}

TEST(SpoolPower, T_E1_LossAtEachStepOfSmallCommits) {
  LosePowerAtEachStep(Loss::kAll, 12, 4096, 1);
}

TEST(SpoolPower, T_E1_LossAtEachStepWithPartsOfTheUnsyncedKept) {
  LosePowerAtEachStep(Loss::kRandom, 12, 4096, 1);
}

TEST(SpoolPower, T_E1_LossWhileTablesAreWrittenAndLogsAreUsedAgain) {
  LosePowerAtEachStep(Loss::kAll, 60, 20'000, 113);
  LosePowerAtEachStep(Loss::kRandom, 60, 20'000, 127);
}

// The log is kept in several files; the end of one may be lost while the next survives.
TEST(SpoolPower, T_E1_WhatWasNotFlushedIsLostFromSomePointOnOverAllFilesOfTheLog) {
  Machine machine;
  ASSERT_TRUE(machine.Start().ok());
  ASSERT_TRUE(machine.Put(Name(0), "x", Durability::kFlushed).ok());
  // RocksDB flushes a log it has left before it writes a table; keep it from that.
  machine.disk().SetSyncFault(true);
  int count = 1;
  while (count < 200 &&
         machine.Put(Name(count), std::string(9'000, 'x'), Durability::kApplied).ok())
    ++count;
  ASSERT_LT(count, 200);
  ASSERT_GT(count, 8);
  machine.disk().LosePowerAt(machine.disk().steps() + 1);
  machine.Stop();
  machine.disk().SetSyncFault(false);
  machine.disk().RestorePower(Loss::kOlderLogs);
  ASSERT_TRUE(machine.Start().ok());
  ExpectPrefix(machine, {.ok = count, .flushed = 0}, count, 0);
}

TEST(SpoolPower, T_E1_LossAgainWhileRecovering) {
  for (int64_t again = 1; again < 200; again += 3) {
    Machine machine;
    ASSERT_TRUE(machine.Start().ok());
    machine.disk().LosePowerAt(machine.disk().steps() + 20);
    const Told told = WriteRun(machine, 60, 4096);
    machine.Stop();
    ASSERT_TRUE(machine.disk().lost_power());
    machine.disk().RestorePower(Loss::kAll);
    machine.disk().LosePowerAt(machine.disk().steps() + again);
    (void)machine.Start();
    machine.Stop();
    if (!machine.disk().lost_power()) break;
    machine.disk().RestorePower(Loss::kRandom, static_cast<uint64_t>(again));
    ASSERT_TRUE(machine.Start().ok()) << again;
    ExpectPrefix(machine, told, 60, again);
    if (HasFailure()) return;
  }
}

// Faults: a commit that was told it failed is never seen, neither while the process lives nor after
// it started again.
class SpoolFaults : public testing::TestWithParam<Fault> {};

TEST_P(SpoolFaults, T_E4_CommitsFailNothingIsLostAndItGoesOnWithoutARestart) {
  Machine machine;
  ASSERT_TRUE(machine.Start().ok());
  ASSERT_TRUE(machine.Put("before", "x", Durability::kFlushed).ok());
  ASSERT_TRUE(machine.Put("applied", "x", Durability::kApplied).ok());
  machine.disk().SetFault(GetParam());
  const absl::Status failed = machine.Put("failed", std::string(10'000, 'f'), Durability::kFlushed);
  EXPECT_EQ(failed.code(), GetParam() == Fault::kNoSpace ? absl::StatusCode::kResourceExhausted
                                                         : absl::StatusCode::kUnavailable)
      << failed;
  EXPECT_FALSE(machine.spool().Health().ok());
  EXPECT_FALSE(machine.Put("failed too", "x", Durability::kApplied).ok());
  EXPECT_TRUE(machine.Has("before")) << "reading goes on";
  EXPECT_FALSE(machine.Has("failed"));
  machine.disk().SetFault(Fault::kNone);
  EXPECT_TRUE(Eventually([&] { return machine.spool().Health().ok(); }));
  ASSERT_TRUE(machine.Put("after", "x", Durability::kFlushed).ok());
  machine.Stop();
  ASSERT_TRUE(machine.Start().ok());
  for (const char* key : {"before", "applied", "after"}) EXPECT_TRUE(machine.Has(key)) << key;
  for (const char* key : {"failed", "failed too"}) EXPECT_FALSE(machine.Has(key)) << key;
}

TEST_P(SpoolFaults, T_E4_WhatCameAfterRecoverySurvivesALossOfPower) {
  for (int64_t step = 1; step < 60; ++step) {
    Machine machine;
    ASSERT_TRUE(machine.Start().ok());
    ASSERT_TRUE(machine.Put("before", "x", Durability::kFlushed).ok());
    machine.disk().SetFault(GetParam());
    ASSERT_FALSE(machine.Put("failed", std::string(10'000, 'f'), Durability::kFlushed).ok());
    machine.disk().SetFault(Fault::kNone);
    ASSERT_TRUE(Eventually([&] { return machine.spool().Health().ok(); }));
    machine.disk().LosePowerAt(machine.disk().steps() + step);
    const Told told = WriteRun(machine, 12, 4096);
    machine.Stop();
    if (!machine.disk().lost_power()) break;
    machine.disk().RestorePower(Loss::kRandom, static_cast<uint64_t>(step));
    ASSERT_TRUE(machine.Start().ok());
    EXPECT_TRUE(machine.Has("before"));
    EXPECT_FALSE(machine.Has("failed"));
    ExpectPrefix(machine, told, 12, step);
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, SpoolFaults,
                         testing::Values(Fault::kNoSpace, Fault::kReadOnly, Fault::kDevice));

TEST(SpoolFaults, T_E4_AFailedFlushIsToldAndItsCommitIsNeverSeen) {
  Machine machine;
  ASSERT_TRUE(machine.Start().ok());
  ASSERT_TRUE(machine.Put("before", "x", Durability::kFlushed).ok());
  machine.disk().SetSyncFault(true);
  EXPECT_FALSE(machine.Put("failed", "x", Durability::kFlushed).ok());
  EXPECT_FALSE(machine.Has("failed"));
  machine.disk().SetSyncFault(false);
  EXPECT_TRUE(Eventually([&] { return machine.spool().Health().ok(); }));
  EXPECT_FALSE(machine.Has("failed"));
  ASSERT_TRUE(machine.Put("after", "x", Durability::kFlushed).ok());
  machine.Stop();
  ASSERT_TRUE(machine.Start().ok());
  EXPECT_TRUE(machine.Has("before"));
  EXPECT_TRUE(machine.Has("after"));
  EXPECT_FALSE(machine.Has("failed")) << "the log still had it whole";
}

TEST(SpoolFaults, T_E4_ManyWritersSeeFailuresAndGoOn) {
  Machine machine(256 << 10);
  ASSERT_TRUE(machine.Start().ok());
  std::vector<std::vector<std::string>> kept(4), refused(4);
  std::vector<std::thread> writers;
  std::atomic<bool> stop{false};
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !stop && i < 100'000; ++i) {
        const std::string key = std::to_string(w) + "/" + std::to_string(i);
        Batch batch;
        batch.Put(Table::kEvents, key, "e");
        batch.Put(Table::kBodies, key, std::string(2000, 'b'));
        const bool ok = machine.spool().CommitAndWait(std::move(batch), Durability::kFlushed).ok();
        (ok ? kept : refused)[static_cast<size_t>(w)].push_back(key);
        if (!ok) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (int round = 0; round < 6; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    machine.disk().SetFault(round % 2 == 0 ? Fault::kNoSpace : Fault::kDevice);
    EXPECT_TRUE(Eventually([&] { return !machine.spool().Health().ok(); }));
    machine.disk().SetFault(Fault::kNone);
    EXPECT_TRUE(Eventually([&] { return machine.spool().Health().ok(); }));
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  machine.Stop();
  ASSERT_TRUE(machine.Start().ok());
  size_t count = 0;
  for (const auto& keys : kept) {
    for (const std::string& key : keys) EXPECT_TRUE(machine.Has(key)) << key;
    count += keys.size();
  }
  for (const auto& keys : refused) {
    for (const std::string& key : keys) EXPECT_FALSE(machine.Has(key)) << key;
  }
  EXPECT_GT(count, 0u);
}

}  // namespace
}  // namespace cleanmail::spool
