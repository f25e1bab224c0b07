#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/base/uuid.h"
#include "libs/store/blob/blob_store.h"

// What every BlobStore promises: INSTANTIATE_TEST_SUITE_P(Spool, BlobContract, Values(&Make)).
namespace cleanmail::blob {

class FakeTenantKeys final : public TenantKeys {
 public:
  absl::StatusOr<std::string> KeyOf(std::string_view tenant) override {
    std::lock_guard lock(mutex_);
    if (away_) return absl::UnavailableError("provisioning is away");
    if (destroyed_.contains(std::string(tenant)))
      return absl::NotFoundError("the tenant's key was destroyed");
    std::string key(32, 'k');
    std::copy_n(tenant.begin(), std::min<size_t>(tenant.size(), 32), key.begin());
    return key;
  }
  bool AtHand(std::string_view tenant) override { return KeyOf(tenant).ok(); }
  void Destroy(const std::string& tenant) {
    std::lock_guard lock(mutex_);
    destroyed_[tenant] = true;
  }
  void SetAway(bool away) {
    std::lock_guard lock(mutex_);
    away_ = away;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, bool> destroyed_;
  bool away_ = false;
};

// A store under test.
class BlobStoreUnderTest {
 public:
  virtual ~BlobStoreUnderTest() = default;
  virtual BlobStore& blobs() = 0;
  // Makes what TakeBatch gave durable.
  virtual absl::Status Keep(spool::Batch batch) = 0;
  // Ends the process's view of the store and begins a new one.
  virtual void Restart() = 0;
  base::FakeClock clock;
  base::FakeRandom random;
  FakeTenantKeys keys;
};

using BlobStoreFactory = std::function<std::unique_ptr<BlobStoreUnderTest>()>;

class BlobContract : public ::testing::TestWithParam<BlobStoreFactory> {
 protected:
  void SetUp() override { test_ = GetParam()(); }
  BlobStore& blobs() { return test_->blobs(); }
  BlobName NewName(std::string tenant = "acme") {
    return {std::move(tenant), base::NewUuid(test_->clock, test_->random)};
  }

  static absl::StatusOr<std::unique_ptr<Finished>> FinishAndWait(Writer& writer) {
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<absl::StatusOr<std::unique_ptr<Finished>>> result;
    writer.Finish([&](absl::StatusOr<std::unique_ptr<Finished>> finished) {
      std::lock_guard lock(mutex);
      result = std::move(finished);
      ended.notify_one();
    });
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return result.has_value(); });
    return *std::move(result);
  }
  // Appends in pieces of `piece` bytes, waiting when told to.
  static void AppendAll(Writer& writer, std::string_view body, size_t piece) {
    for (size_t at = 0; at < body.size(); at += piece) {
      std::mutex mutex;
      std::condition_variable ready;
      bool is_ready = false;
      const bool more = writer.Append(body.substr(at, piece), [&] {
        std::lock_guard lock(mutex);
        is_ready = true;
        ready.notify_one();
      });
      if (more) continue;
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return is_ready; });
    }
  }
  absl::Status Write(const BlobName& name, std::string_view body, size_t piece = 4096) {
    auto writer = blobs().Create(name);
    if (!writer.ok()) return writer.status();
    AppendAll(**writer, body, piece);
    auto finished = FinishAndWait(**writer);
    if (!finished.ok()) return finished.status();
    if (auto batch = (*finished)->TakeBatch()) return test_->Keep(*std::move(batch));
    return absl::OkStatus();
  }
  static std::string Body(size_t size) {
    std::string body(size, '\0');
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 + (i >> 8));
    return body;
  }
  std::unique_ptr<BlobStoreUnderTest> test_;
};

TEST_P(BlobContract, GivesBackBodiesOfEverySize) {
  constexpr size_t kChunk = 64 * 1024;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, kChunk - 1, kChunk, kChunk + 1,
                            2 * kChunk, 5 * kChunk + 7, 20 * kChunk}) {
    for (const size_t piece : {size_t{1000}, kChunk, 3 * kChunk}) {
      const BlobName name = NewName();
      ASSERT_TRUE(Write(name, Body(size), piece).ok());
      const auto read = blobs().Read(name);
      ASSERT_TRUE(read.ok()) << size << " by " << piece << ": " << read.status();
      EXPECT_EQ(*read, Body(size)) << size << " by " << piece;
      test_->clock.Advance(absl::Minutes(1));  // what is young may come from elsewhere
      const auto later = blobs().Read(name);
      ASSERT_TRUE(later.ok()) << size << " by " << piece << ": " << later.status();
      EXPECT_EQ(*later, Body(size)) << size << " by " << piece;
    }
  }
}

TEST_P(BlobContract, ABodyNobodyKeptIsNotThere) {
  const BlobName name = NewName();
  auto writer = *blobs().Create(name);
  AppendAll(*writer, Body(100), 100);
  { auto finished = FinishAndWait(*writer); }
  EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(blobs().Read(NewName()).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(BlobContract, KeepsBodiesOverARestart) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, Body(200'000)).ok());
  test_->Restart();
  EXPECT_EQ(*blobs().Read(name), Body(200'000));
}

TEST_P(BlobContract, EndsABodyAfterEightDays) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  test_->clock.Advance(absl::Hours(8 * 24 - 1));
  EXPECT_EQ(*blobs().Sweep(), 0);
  EXPECT_TRUE(blobs().Read(name).ok());
  const BlobName young = NewName();
  ASSERT_TRUE(Write(young, "body").ok());
  test_->clock.Advance(absl::Hours(2));
  EXPECT_EQ(*blobs().Sweep(), 1);
  EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(blobs().Read(young).ok());
}

TEST_P(BlobContract, AnExtendedBodyStaysUntilItsLastHolderIsDone) {
  const BlobName before = NewName(), held = NewName(), after = NewName();
  for (const BlobName& name : {before, held, after}) ASSERT_TRUE(Write(name, "body").ok());
  const absl::Time now = test_->clock.Now();
  ASSERT_TRUE(blobs().Extend(held, "quarantine", now + absl::Hours(30 * 24)).ok());
  ASSERT_TRUE(blobs().Extend(held, "quarantine", now + absl::Hours(9 * 24)).ok())
      << "never shortens";
  ASSERT_TRUE(blobs().Extend(held, "egress", now + absl::Hours(10 * 24)).ok());
  test_->Restart();
  test_->clock.Advance(absl::Hours(20 * 24));
  EXPECT_EQ(*blobs().Sweep(), 2);
  EXPECT_TRUE(blobs().Read(held).ok());
  EXPECT_FALSE(blobs().Read(before).ok());
  EXPECT_FALSE(blobs().Read(after).ok());
  test_->clock.Advance(absl::Hours(11 * 24));
  EXPECT_EQ(*blobs().Sweep(), 1);
  EXPECT_FALSE(blobs().Read(held).ok());
}

TEST_P(BlobContract, ForgetEndsABodyWhoeverHoldsIt) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, Body(200'000)).ok());
  ASSERT_TRUE(blobs().Extend(name, "quarantine", absl::InfiniteFuture()).ok());
  ASSERT_TRUE(blobs().Forget(name).ok());
  ASSERT_TRUE(blobs().Forget(name).ok());
  EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(BlobContract, TenantsDoNotSeeEachOthersBodies) {
  const BlobName name = NewName("acme");
  ASSERT_TRUE(Write(name, "body").ok());
  EXPECT_EQ(blobs().Read({"evil", name.message}).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(BlobContract, DestroyingATenantsKeyErasesIt) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  test_->keys.Destroy("acme");
  EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(blobs().Create(NewName()).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(BlobContract, SaysWhenKeysAreNotToBeHadNow) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  test_->keys.SetAway(true);
  EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(blobs().Create(NewName()).status().code(), absl::StatusCode::kUnavailable);
  test_->keys.SetAway(false);
  EXPECT_TRUE(blobs().Read(name).ok());
}

TEST_P(BlobContract, RefusesNamesThatAreNone) {
  EXPECT_EQ(blobs().Create({"", "m"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(blobs().Create({"acme", std::string("m\0x", 3)}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(blobs().Read({"acme", std::string(300, 'm')}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(BlobContract, NamesThatAreNotTimesEndAsWell) {
  ASSERT_TRUE(Write({"acme", "m1"}, "body").ok());
  ASSERT_TRUE(Write({"acme", "m2"}, "body").ok());
  test_->clock.Advance(absl::Hours(9 * 24));
  ASSERT_TRUE(Write({"acme", "m1a"}, "body").ok());
  ASSERT_TRUE(Write(NewName(), "body").ok());
  EXPECT_EQ(*blobs().Sweep(), 2);
  EXPECT_TRUE(blobs().Read({"acme", "m1a"}).ok());
}

}  // namespace cleanmail::blob
