#include "libs/store/blob/spool_blob_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "libs/store/blob/blob_contract_test.h"

namespace cleanmail::blob {
namespace {

using spool::Table;

class SpoolBlobsUnderTest final : public BlobStoreUnderTest {
 public:
  SpoolBlobsUnderTest() {
    static int number = 0;
    folder_ = testing::TempDir() + "/blobs-" + std::to_string(number++);
    std::filesystem::remove_all(folder_);
    Open();
  }
  BlobStore& blobs() override { return *blobs_; }
  absl::Status Keep(spool::Batch batch) override {
    return spool_->CommitAndWait(std::move(batch), spool::Durability::kFlushed);
  }
  void Restart() override {
    blobs_.reset();
    spool_.reset();
    Open();
  }
  spool::Spool& spool() { return *spool_; }
  const std::string& folder() const { return folder_; }

 private:
  void Open() {
    spool_ = *spool::Spool::Open(folder_, {.body_memory_bytes = 8 << 20});
    blobs_ = SpoolBlobStore::Create(*spool_, keys, clock, random);
  }
  std::string folder_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<SpoolBlobStore> blobs_;
};

INSTANTIATE_TEST_SUITE_P(Spool, BlobContract,
                         testing::Values([] { return std::make_unique<SpoolBlobsUnderTest>(); }));

constexpr absl::Duration kNotRecent = absl::Minutes(1);

// The suite's helpers, for tests of what only the spool kind can be asked.
class SpoolBlobs : public BlobContract {
 protected:
  SpoolBlobsUnderTest& test() { return static_cast<SpoolBlobsUnderTest&>(*test_); }
  std::vector<std::pair<std::string, std::string>> Chunks() {
    std::vector<std::pair<std::string, std::string>> chunks;
    EXPECT_TRUE(test()
                    .spool()
                    .Scan(Table::kBodies, "", "",
                          [&](std::string_view key, std::string_view value) {
                            chunks.emplace_back(key, value);
                            return true;
                          })
                    .ok());
    return chunks;
  }
  void Change(spool::Batch batch) { ASSERT_TRUE(test_->Keep(std::move(batch)).ok()); }
};
INSTANTIATE_TEST_SUITE_P(Spool, SpoolBlobs,
                         testing::Values([] { return std::make_unique<SpoolBlobsUnderTest>(); }));

TEST_P(SpoolBlobs, NothingOfTheBodyCanBeReadInTheSpool) {
  const std::string secret = "the secret words of a letter";
  ASSERT_TRUE(Write(NewName(), secret).ok());
  for (const auto& [key, value] : Chunks()) EXPECT_EQ(value.find("secret"), std::string::npos);
}

TEST_P(SpoolBlobs, SwappedCutRepeatedOrChangedChunksAreDataLoss) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, Body(200'000)).ok());
  test_->clock.Advance(kNotRecent);
  const auto chunks = Chunks();
  ASSERT_EQ(chunks.size(), 4u);
  const auto expect_data_loss = [&](const char* what) {
    EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kDataLoss) << what;
    spool::Batch restore;
    for (const auto& [key, value] : chunks) restore.Put(Table::kBodies, key, value);
    Change(std::move(restore));
    EXPECT_TRUE(blobs().Read(name).ok());
  };
  spool::Batch swapped, cut, missing, repeated, changed;
  swapped.Put(Table::kBodies, chunks[1].first, chunks[2].second);
  swapped.Put(Table::kBodies, chunks[2].first, chunks[1].second);
  Change(std::move(swapped));
  expect_data_loss("swapped");
  cut.Delete(Table::kBodies, chunks[3].first);
  Change(std::move(cut));
  expect_data_loss("cut");
  missing.Delete(Table::kBodies, chunks[1].first);
  Change(std::move(missing));
  expect_data_loss("missing");
  repeated.Put(Table::kBodies, chunks[2].first, chunks[1].second);
  Change(std::move(repeated));
  expect_data_loss("repeated");
  std::string value = chunks[1].second;
  value[100] ^= 1;
  changed.Put(Table::kBodies, chunks[1].first, value);
  Change(std::move(changed));
  expect_data_loss("changed");
}

TEST_P(SpoolBlobs, ABodyMovedToAnotherNameIsDataLoss) {
  const BlobName name = NewName(), other = NewName();
  ASSERT_TRUE(Write(name, "to acme's director").ok());
  const std::string value = Chunks()[0].second;
  ASSERT_TRUE(Write(other, "x").ok());
  for (const auto& [key, ignored] : Chunks()) {
    spool::Batch batch;
    batch.Put(Table::kBodies, key, value);
    Change(std::move(batch));
  }
  test_->clock.Advance(kNotRecent);
  EXPECT_TRUE(blobs().Read(name).ok());
  EXPECT_EQ(blobs().Read(other).status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(SpoolBlobs, ABodyIsAtHandForAWhileOnceItIsKept) {
  const BlobName name = NewName();
  const std::string body = Body(200'000);
  {
    auto writer = *blobs().Create(name);
    AppendAll(*writer, body, 50'000);
    auto finished = FinishAndWait(*writer);
    EXPECT_FALSE(blobs().ReadAtHand(name).has_value());
    Change(*(*finished)->TakeBatch());
  }
  EXPECT_EQ(blobs().ReadAtHand(name), body);
  test_->clock.Advance(kNotRecent);
  EXPECT_FALSE(blobs().ReadAtHand(name).has_value());
  EXPECT_EQ(*blobs().Read(name), body);
}

TEST_P(SpoolBlobs, ALargeBodyIsNotAtHand) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, Body(1'000'000)).ok());
  EXPECT_FALSE(blobs().ReadAtHand(name).has_value());
}

TEST_P(SpoolBlobs, WhatIsForgottenIsNotAtHand) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  ASSERT_TRUE(blobs().Forget(name).ok());
  EXPECT_FALSE(blobs().ReadAtHand(name).has_value());
}

TEST_P(SpoolBlobs, WithoutItsTenantsKeyNothingIsAtHand) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  EXPECT_TRUE(blobs().CreatesAtOnce(name.tenant));
  test_->keys.Destroy(name.tenant);
  EXPECT_FALSE(blobs().ReadAtHand(name).has_value());
  EXPECT_FALSE(blobs().CreatesAtOnce(name.tenant));
}

TEST_P(SpoolBlobs, TheSweeperTakesBodiesThatWereNeverFinished) {
  auto writer = *blobs().Create(NewName());
  AppendAll(*writer, Body(300'000), 50'000);
  { auto finished = FinishAndWait(*writer); }
  writer.reset();
  EXPECT_GT(Chunks().size(), 0u);
  test_->clock.Advance(absl::Hours(9 * 24));
  EXPECT_EQ(*blobs().Sweep(), 1);
  EXPECT_EQ(Chunks().size(), 0u);
}

TEST_P(SpoolBlobs, AWriterDroppedWithChunksOnTheirWayIsHarmless) {
  for (int i = 0; i < 20; ++i) {
    auto writer = *blobs().Create(NewName());
    (void)writer->Append(Body(400'000), [] {});
  }
}

TEST_P(SpoolBlobs, SweepingGivesTheSpaceBack) {
  const auto bytes = [&] {
    int64_t sum = 0;
    for (const auto& file : std::filesystem::directory_iterator(test().folder())) {
      const std::string kind = file.path().extension().string();
      if (kind == ".blob" || kind == ".sst") sum += static_cast<int64_t>(file.file_size());
    }
    return sum;
  };
  const BlobName held = NewName();
  ASSERT_TRUE(Write(held, Body(1'000'000), 100'000).ok());
  ASSERT_TRUE(blobs().Extend(held, "quarantine", absl::InfiniteFuture()).ok());
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(Write(NewName(), Body(1'000'000), 100'000).ok());
  EXPECT_GT(bytes(), 100'000'000);
  test_->clock.Advance(absl::Hours(9 * 24));
  EXPECT_EQ(*blobs().Sweep(), 150);
  EXPECT_LT(bytes(), 80'000'000);
  EXPECT_EQ(*blobs().Read(held), Body(1'000'000));
}

TEST_P(SpoolBlobs, SweepsManyThousandBodies) {
  std::vector<BlobName> names;
  for (int i = 0; i < 5000; ++i) {
    names.push_back(NewName());
    auto writer = *blobs().Create(names.back());
    writer->Append("body", [] {});
    Change(*(*FinishAndWait(*writer))->TakeBatch());
  }
  ASSERT_TRUE(blobs().Extend(names[2500], "quarantine", absl::InfiniteFuture()).ok());
  test_->clock.Advance(absl::Hours(9 * 24));
  EXPECT_EQ(*blobs().Sweep(), 4999);
  EXPECT_EQ(Chunks().size(), 1u);
}

}  // namespace
}  // namespace cleanmail::blob
