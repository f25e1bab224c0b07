#include "libs/store/blob/s3_blob_store.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/store/blob/blob_contract_test.h"
#include "libs/testing/fault_proxy.h"
#include "libs/testing/s3_server.h"

namespace cleanmail::blob {
namespace {

testing::S3Server& Server() {
  static testing::S3Server server;
  static const absl::Status started = server.Start();
  if (!started.ok()) ADD_FAILURE() << started;
  return server;
}

class S3UnderTest final : public BlobStoreUnderTest {
 public:
  S3UnderTest() : proxy(Server().port()) {
    static int number = 0;
    bucket = base::Cat("bucket", ++number);
    Restart();
  }
  BlobStore& blobs() override { return *blobs_; }
  absl::Status Keep(spool::Batch) override { return absl::InternalError("not in the spool"); }
  void Restart() override {
    blobs_.reset();
    auto made = S3BlobStore::Create(Options(), keys, clock, random);
    if (!made.ok()) ADD_FAILURE() << made.status();
    blobs_ = *std::move(made);
  }
  S3Options Options() const {
    return {.endpoint = base::Cat("http://127.0.0.1:", proxy.port()),
            .bucket = bucket,
            .access_key = Server().access_key(),
            .secret_key = Server().secret_key(),
            .deadline = absl::Seconds(6),
            .attempt = absl::Seconds(3),
            .threads = 4,
            .most_swept = 100};
  }
  // The files of all objects below "bodies" or "until".
  std::vector<std::filesystem::path> Files(const std::string& below = "bodies") const {
    std::vector<std::filesystem::path> files;
    std::error_code error;  // no object, no folder
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             Server().FolderOf(bucket) + "/" + below, error)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  testing::FaultProxy proxy;
  std::string bucket;

 private:
  std::unique_ptr<S3BlobStore> blobs_;
};

INSTANTIATE_TEST_SUITE_P(S3, BlobContract,
                         ::testing::Values([] { return std::make_unique<S3UnderTest>(); }));

// The suite's helpers, for tests of what only this kind can be asked.
class S3Blobs : public BlobContract {
 protected:
  S3UnderTest& test() { return static_cast<S3UnderTest&>(*test_); }
};
INSTANTIATE_TEST_SUITE_P(S3, S3Blobs,
                         ::testing::Values([] { return std::make_unique<S3UnderTest>(); }));

TEST_P(S3Blobs, LongBodiesGoInPartsAndComeBackInRanges) {
  const BlobName name = NewName();
  const std::string body = Body(23'000'001);
  ASSERT_TRUE(Write(name, body, 60'000).ok());
  EXPECT_TRUE(*blobs().Read(name) == body);
  ASSERT_EQ(test().Files().size(), 1u);
}

TEST_P(S3Blobs, T_D8_NothingOfABodyIsInTheBucketUnsealed) {
  const std::string secret = "the takeover is on friday";
  ASSERT_TRUE(Write(NewName(), secret).ok());
  ASSERT_EQ(test().Files().size(), 1u);
  std::ifstream in(test().Files()[0], std::ios::binary);
  const std::string all(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(all.size(), 2 + 8 + 16 + secret.size() + 16);
  EXPECT_EQ(all.find("takeover"), std::string::npos);
}

TEST_P(S3Blobs, T_D8_AChangedOrMovedObjectIsDataLoss) {
  const BlobName name = NewName(), other = NewName();
  ASSERT_TRUE(Write(name, Body(200'000)).ok());
  ASSERT_TRUE(Write(other, "x").ok());
  std::filesystem::path file = test().Files()[0], second = test().Files()[1];
  if (std::filesystem::file_size(file) < 1000) std::swap(file, second);
  std::filesystem::copy_file(file, second, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(blobs().Read(other).status().code(), absl::StatusCode::kDataLoss);
  for (const int64_t size : {100'000, 65578, 20}) {
    std::filesystem::resize_file(file, size);
    EXPECT_EQ(blobs().Read(name).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST_P(S3Blobs, AWriterThatIsDroppedLeavesNothing) {
  {
    auto writer = *blobs().Create(NewName());
    AppendAll(*writer, Body(12'000'000), 100'000);
  }
  test().Restart();  // what was begun is ended
  EXPECT_TRUE(test().Files().empty());
}

TEST_P(S3Blobs, ABusyOrBrokenStoreIsAskedAgain) {
  const BlobName name = NewName();
  test().proxy.Refuse(3);
  EXPECT_TRUE(Write(name, Body(100'000)).ok());
  test().proxy.CutAfter(50'000, 2);
  EXPECT_EQ(*blobs().Read(name), Body(100'000));
  test().proxy.CutAfter(10, 2);
  EXPECT_TRUE(Write(NewName(), Body(7'000'000), 100'000).ok());
}

TEST_P(S3Blobs, ASlowStoreIsWaitedFor) {
  test().proxy.Delay(absl::Seconds(2));
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  EXPECT_EQ(*blobs().Read(name), "body");
}

TEST_P(S3Blobs, AStoreThatStaysAwayIsUnavailableWithinTheDeadline) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  test().proxy.Down();
  const absl::Time begin = absl::Now();
  EXPECT_EQ(Write(NewName(), "body").code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(8));
  EXPECT_EQ(blobs().Extend(name, "egress", test().clock.Now()).code(),
            absl::StatusCode::kUnavailable);
  test().proxy.Heal();
  EXPECT_EQ(*blobs().Read(name), "body");
}

TEST_P(S3Blobs, WritingNeverWaitsForTheStore) {
  test().proxy.Delay(absl::Seconds(1));
  const absl::Time begin = absl::Now();
  auto writer = *blobs().Create(NewName());
  (void)writer->Append(Body(6'000'000), [] {});
  (void)writer->Append("and more", [] {});
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<absl::Status> result;
  writer->Finish([&](absl::StatusOr<std::unique_ptr<Finished>> finished) {
    std::lock_guard lock(mutex);
    result = finished.status();
    ended.notify_one();
  });
  EXPECT_LT(absl::Now() - begin, absl::Milliseconds(900));
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return result.has_value(); });
  EXPECT_TRUE(result->ok()) << *result;
}

TEST_P(S3Blobs, SweepsAreBoundedAndSeveralMaySweepAtOnce) {
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(Write(NewName(), "body").ok());
  const BlobName held = NewName();
  ASSERT_TRUE(Write(held, "held").ok());
  ASSERT_TRUE(blobs().Extend(held, "quarantine", absl::InfiniteFuture()).ok());
  test().clock.Advance(absl::Hours(9 * 24));
  EXPECT_EQ(*blobs().Sweep(), 100);
  auto other = *S3BlobStore::Create(test().Options(), test().keys, test().clock, test().random);
  const auto sweep = [](BlobStore& blobs) {
    const auto swept = blobs.Sweep();
    EXPECT_TRUE(swept.ok()) << swept.status();
  };
  std::thread second([&] { sweep(*other); });
  sweep(blobs());
  second.join();
  sweep(blobs());
  EXPECT_EQ(*blobs().Sweep(), 0);
  EXPECT_EQ(test().Files().size(), 1u);
  EXPECT_EQ(*blobs().Read(held), "held");
}

TEST_P(S3Blobs, ExtensionsThatKeepNothingGoToo) {
  const BlobName name = NewName();
  ASSERT_TRUE(Write(name, "body").ok());
  ASSERT_TRUE(blobs().Extend(name, "egress", test().clock.Now() + absl::Hours(1)).ok());
  ASSERT_TRUE(blobs().Extend(NewName(), "egress", test().clock.Now() + absl::Hours(9 * 24)).ok());
  test().clock.Advance(absl::Hours(10 * 24));
  EXPECT_EQ(*blobs().Sweep(), 1);
  EXPECT_TRUE(test().Files("until").empty());
}

TEST(S3, AWrongSecretIsSaid) {
  S3UnderTest test;
  S3Options options = test.Options();
  options.secret_key = "wrong";
  EXPECT_EQ(S3BlobStore::Create(options, test.keys, test.clock, test.random).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace cleanmail::blob
