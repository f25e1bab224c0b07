#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "libs/store/spool/spool.h"

namespace cleanmail::spool {
namespace {

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// A real file system that is really full: needs the right to mount, which Bazel's sandbox gives.
TEST(SpoolFullDisk, T_E4_RefusesKeepsWhatItHasAndGoesOnOnceThereIsRoom) {
  const std::string disk = testing::TempDir() + "/disk";
  std::filesystem::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=48m") != 0)
    FAIL() << "no right to mount a small disk: run the tests as root or with Bazel's sandbox";
  {
    auto spool = *Spool::Open(disk + "/spool", {.body_memory_bytes = 2 << 20,
                                                .recovery_interval = absl::Milliseconds(20)});
    const auto put = [&](const std::string& key) {
      Batch batch;
      batch.Put(Table::kEvents, key, "event");
      batch.Put(Table::kBodies, key, std::string(50'000, 'b'));
      return spool->CommitAndWait(std::move(batch), Durability::kFlushed);
    };
    std::ofstream(disk + "/ballast") << std::string(12 << 20, 'x');
    int kept = 0;
    absl::Status status;
    while (kept < 2000 && (status = put("key" + std::to_string(kept))).ok()) ++kept;
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_GT(kept, 50);
    EXPECT_FALSE(put("refused").ok());
    EXPECT_TRUE(spool->Get(Table::kBodies, "key0").ok()) << "reading goes on";
    std::filesystem::remove(disk + "/ballast");
    EXPECT_TRUE(Eventually([&] { return spool->Health().ok(); })) << spool->Health();
    EXPECT_TRUE(put("after").ok());
    spool.reset();
    spool = *Spool::Open(disk + "/spool");
    for (int i = 0; i < kept; ++i)
      EXPECT_TRUE(spool->Get(Table::kBodies, "key" + std::to_string(i)).ok()) << i;
    EXPECT_FALSE(spool->Get(Table::kBodies, "key" + std::to_string(kept)).ok());
    EXPECT_FALSE(spool->Get(Table::kEvents, "refused").ok());
    EXPECT_TRUE(spool->Get(Table::kBodies, "after").ok());
  }
  ::umount(disk.c_str());
}

}  // namespace
}  // namespace cleanmail::spool
