// What was acknowledged reaches its end whatever step the power goes at, and nothing is ever half
// there: bodies and events over one spool on a disk that loses what was not synced.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/random.h"
#include "libs/base/uuid.h"
#include "libs/bus/journal.h"
#include "libs/store/blob/spool_blob_store.h"
#include "libs/store/spool/spool.h"
#include "libs/store/spool/unsynced_file_system.h"

namespace cleanmail {
namespace {

using Loss = spool::UnsyncedFileSystem::Loss;

class OneKey final : public blob::TenantKeys {
 public:
  absl::StatusOr<std::string> KeyOf(std::string_view) override { return std::string(32, 'k'); }
};

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return true;
}

template <class T>
class Waited {
 public:
  void Set(T value) {
    std::lock_guard lock(mutex_);
    value_ = std::move(value);
    set_.notify_one();
  }
  T Take() {
    std::unique_lock lock(mutex_);
    set_.wait(lock, [this] { return value_.has_value(); });
    return *std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

std::string BodyOf(const std::string& id, size_t size) {
  std::string body;
  while (body.size() < size) body += id;
  body.resize(size);
  return body;
}

// The world outside: what was acknowledged to senders and what arrived.
struct World {
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::set<std::string> arrived;
  std::vector<std::string> broken;
};

// One life of the gateway: takes mail, a scanner that says something of each, a sink that takes
// what was said.
class Gateway {
 public:
  Gateway(const std::string& folder, spool::UnsyncedFileSystem& disk, World& world,
          base::Clock& clock)
      : world_(world), clock_(clock) {
    auto opened = spool::Spool::Open(folder, {.rocksdb_env = disk.env(),
                                              .body_memory_bytes = 512 << 10,
                                              .recovery_interval = absl::Milliseconds(5)});
    if (!opened.ok()) {
      status_ = opened.status();
      return;
    }
    spool_ = *std::move(opened);
    auto journal = bus::Journal::Create(
        *spool_, clock_, {.min_free_bytes = 0, .first_retry = absl::Milliseconds(2)});
    if (!journal.ok()) {
      status_ = journal.status();
      return;
    }
    journal_ = *std::move(journal);
    blobs_ = blob::SpoolBlobStore::Create(*spool_, keys_, clock_, random_);
    scanner_ = *journal_->Subscribe({.topic = "received.v1", .group = "scanner"},
                                    [this](auto batch) { Scan(std::move(batch)); });
    sink_ = *journal_->Subscribe({.topic = "scanned.v1", .group = "sink"},
                                 [this](auto batch) { Arrive(std::move(batch)); });
  }
  ~Gateway() {
    scanner_.reset();
    sink_.reset();
    journal_.reset();
    blobs_.reset();
    spool_.reset();
  }
  const absl::Status& status() const { return status_; }
  spool::Spool& spool() { return *spool_; }

  // What ingress does between DATA and 250.
  absl::Status Accept(size_t size) {
    const std::string id = base::NewUuid(clock_, random_);
    auto writer = blobs_->Create({"acme", id});
    if (!writer.ok()) return writer.status();
    const std::string body = BodyOf(id, size);
    for (size_t at = 0; at < body.size(); at += 16'384) {
      Waited<bool> ready;
      if (!(*writer)->Append(std::string_view(body).substr(at, 16'384),
                             [&ready] { ready.Set(true); }))
        ready.Take();
    }
    Waited<absl::StatusOr<std::unique_ptr<blob::Finished>>> finished;
    (*writer)->Finish([&](absl::StatusOr<std::unique_ptr<blob::Finished>> result) {
      finished.Set(std::move(result));
    });
    absl::StatusOr<std::unique_ptr<blob::Finished>> kept = finished.Take();
    if (!kept.ok()) return kept.status();
    bus::Publication publication;
    publication.records.push_back({.topic = {.name = "received.v1", .flushed = true},
                                   .key = id,
                                   .payload = std::to_string(size),
                                   .trace = {}});
    publication.bodies.push_back(*std::move(kept));
    Waited<absl::Status> published;
    journal_->Publish(std::move(publication),
                      [&](absl::Status status) { published.Set(std::move(status)); });
    absl::Status status = published.Take();
    if (status.ok()) {
      std::lock_guard lock(world_.mutex);
      world_.acknowledged.insert(id);
    }
    return status;
  }

 private:
  void Scan(std::vector<std::unique_ptr<bus::Inbound>> batch) {
    for (std::unique_ptr<bus::Inbound>& inbound : batch) {
      const absl::StatusOr<std::string> body = blobs_->Read({"acme", inbound->key()});
      if (absl::IsUnavailable(body.status())) continue;  // dropped: comes again
      if (!body.ok() || *body != BodyOf(inbound->key(), std::stoul(inbound->payload()))) {
        std::lock_guard lock(world_.mutex);
        world_.broken.push_back(inbound->key() + ": " + body.status().ToString());
      }
      bus::Publication publication;
      publication.records.push_back({.topic = {.name = "scanned.v1"},
                                     .key = inbound->key(),
                                     .payload = "clean",
                                     .trace = {}});
      journal_->Publish(std::move(publication),
                        [inbound = std::move(inbound)](absl::Status status) {
                          inbound->Finish(std::move(status));
                        });
    }
  }
  void Arrive(std::vector<std::unique_ptr<bus::Inbound>> batch) {
    for (std::unique_ptr<bus::Inbound>& inbound : batch) {
      {
        std::lock_guard lock(world_.mutex);
        world_.arrived.insert(inbound->key());
      }
      inbound->Finish(absl::OkStatus());
    }
  }

  World& world_;
  base::Clock& clock_;
  base::SystemRandom random_;
  OneKey keys_;
  absl::Status status_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<blob::SpoolBlobStore> blobs_;
  std::unique_ptr<bus::Journal> journal_;
  std::unique_ptr<bus::Subscription> scanner_, sink_;
};

class Site {
 public:
  Site() {
    static int number = 0;
    const std::string root = testing::TempDir() + "/site-" + std::to_string(number++);
    std::filesystem::remove_all(root);
    folder = root + "/spool";
    std::filesystem::create_directories(folder);
    disk = std::make_unique<spool::UnsyncedFileSystem>(root + "/trash");
  }
  std::unique_ptr<Gateway> Start() {
    return std::make_unique<Gateway>(folder, *disk, world, clock);
  }
  bool AllAcknowledgedArrived() {
    std::lock_guard lock(world.mutex);
    return std::includes(world.arrived.begin(), world.arrived.end(), world.acknowledged.begin(),
                         world.acknowledged.end());
  }
  void ExpectWhole(const std::string& when) {
    EXPECT_TRUE(Eventually([this] { return AllAcknowledgedArrived(); })) << "lost mail: " << when;
    std::lock_guard lock(world.mutex);
    for (const std::string& broken : world.broken) ADD_FAILURE() << broken << ": " << when;
  }
  std::string folder;
  std::unique_ptr<spool::UnsyncedFileSystem> disk;
  World world;
  base::FakeClock clock;
};

// 4 KiB, and 200 KiB in four chunks.
void AcceptSome(Gateway& gateway) {
  for (const size_t size :
       {size_t{4096}, size_t{200'000}, size_t{0}, size_t{65'536}, size_t{4096}}) {
    if (!gateway.Accept(size).ok()) return;
  }
}

// Enough for memory to be written to tables and logs to be used again.
void AcceptMany(Gateway& gateway) {
  for (int i = 0; i < 40 && gateway.Accept(100'000).ok(); ++i) {
  }
}

void LosePowerAtEachStep(Loss loss, void (*accept)(Gateway&) = &AcceptSome, int64_t stride = 1) {
  int64_t step = 1;
  size_t acknowledged = 0;
  for (;; step += stride) {
    Site site;
    {
      auto gateway = site.Start();
      ASSERT_TRUE(gateway->status().ok());
      site.disk->LosePowerAt(site.disk->steps() + step);
      accept(*gateway);
    }
    if (!site.disk->lost_power()) break;
    const std::string when = "power lost at step " + std::to_string(step);
    site.disk->RestorePower(loss, static_cast<uint64_t>(step));
    auto gateway = site.Start();
    ASSERT_TRUE(gateway->status().ok()) << when << ": " << gateway->status();
    acknowledged += site.world.acknowledged.size();
    site.ExpectWhole(when);
    EXPECT_TRUE(gateway->Accept(1000).ok()) << when;
    site.ExpectWhole(when + ", then one more");
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(step, 10);
  EXPECT_GT(acknowledged, 0u);
}

TEST(AcknowledgedMail, T_E1_SurvivesTheLossOfPowerAtEachStep) { LosePowerAtEachStep(Loss::kAll); }

TEST(AcknowledgedMail, T_E1_SurvivesTheLossOfPowerAtEachStepWithPartsOfTheUnsyncedKept) {
  LosePowerAtEachStep(Loss::kRandom);
}

TEST(AcknowledgedMail, T_E1_SurvivesTheLossOfPowerWhileTablesAreWritten) {
  LosePowerAtEachStep(Loss::kAll, &AcceptMany, 61);
  LosePowerAtEachStep(Loss::kRandom, &AcceptMany, 67);
}

class BrokenDisk : public testing::TestWithParam<spool::UnsyncedFileSystem::Fault> {};

TEST_P(BrokenDisk, T_E4_MailIsRefusedNothingIsLostAndItGoesOnWithoutARestart) {
  Site site;
  {
    auto gateway = site.Start();
    ASSERT_TRUE(gateway->status().ok());
    ASSERT_TRUE(gateway->Accept(4096).ok());
    for (int round = 0; round < 3; ++round) {
      site.disk->SetFault(GetParam());
      EXPECT_FALSE(gateway->Accept(4096).ok());
      EXPECT_FALSE(gateway->Accept(300'000).ok());
      site.disk->SetFault(spool::UnsyncedFileSystem::Fault::kNone);
      EXPECT_TRUE(Eventually([&] { return gateway->spool().Health().ok(); }));
      EXPECT_TRUE(gateway->Accept(300'000).ok());
    }
    site.ExpectWhole("while it runs");
  }
  auto gateway = site.Start();
  ASSERT_TRUE(gateway->status().ok());
  site.ExpectWhole("after a restart");
  std::lock_guard lock(site.world.mutex);
  EXPECT_EQ(site.world.arrived, site.world.acknowledged)
      << "mail that was refused is not delivered";
}

INSTANTIATE_TEST_SUITE_P(Disk, BrokenDisk,
                         testing::Values(spool::UnsyncedFileSystem::Fault::kNoSpace,
                                         spool::UnsyncedFileSystem::Fault::kReadOnly,
                                         spool::UnsyncedFileSystem::Fault::kDevice));

}  // namespace
}  // namespace cleanmail
