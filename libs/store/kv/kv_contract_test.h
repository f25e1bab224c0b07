#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/store/kv/kv_store.h"

// What every KvStore promises: INSTANTIATE_TEST_SUITE_P(Memory, KvContract, Values(&Make)).
namespace cleanmail::kv {

class KvStoreUnderTest {
 public:
  virtual ~KvStoreUnderTest() = default;
  virtual KvStore& kv() = 0;
  // Lets this much time go by.
  virtual void Wait(absl::Duration duration) = 0;
};

using KvStoreFactory = std::function<std::unique_ptr<KvStoreUnderTest>()>;

class KvContract : public ::testing::TestWithParam<KvStoreFactory> {
 protected:
  void SetUp() override { test_ = GetParam()(); }
  KvStore& kv() { return test_->kv(); }
  std::unique_ptr<KvStoreUnderTest> test_;
};

TEST_P(KvContract, GivesBackWhatWasSet) {
  ASSERT_TRUE(kv().Set("a", std::string("x\0y", 3), absl::Minutes(1)).ok());
  EXPECT_EQ(*kv().Get("a"), std::string("x\0y", 3));
  ASSERT_TRUE(kv().Set("a", "z", absl::Minutes(1)).ok());
  EXPECT_EQ(*kv().Get("a"), "z");
  EXPECT_EQ(kv().Get("b").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(KvContract, ForgetsWhatIsOver) {
  ASSERT_TRUE(kv().Set("a", "x", absl::Seconds(1)).ok());
  test_->Wait(absl::Milliseconds(1100));
  EXPECT_EQ(kv().Get("a").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(KvContract, DeletesAtOnce) {
  ASSERT_TRUE(kv().Set("a", "x", absl::Minutes(1)).ok());
  ASSERT_TRUE(kv().Delete("a").ok());
  ASSERT_TRUE(kv().Delete("a").ok());
  EXPECT_FALSE(kv().Get("a").ok());
}

TEST_P(KvContract, ACounterEndsALifeAfterItsFirstAddition) {
  EXPECT_EQ(*kv().Add("a", 2, absl::Seconds(2)), 2);
  test_->Wait(absl::Milliseconds(1200));
  EXPECT_EQ(*kv().Add("a", -5, absl::Seconds(2)), -3);
  test_->Wait(absl::Milliseconds(1000));
  EXPECT_EQ(*kv().Add("a", 1, absl::Seconds(2)), 1);
}

TEST_P(KvContract, TextIsNoCounter) {
  ASSERT_TRUE(kv().Set("a", "pear", absl::Minutes(1)).ok());
  EXPECT_EQ(kv().Add("a", 1, absl::Minutes(1)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(KvContract, CountsEveryAdditionOfEveryThread) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) EXPECT_TRUE(kv().Add("n", 1, absl::Hours(1)).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*kv().Add("n", 0, absl::Hours(1)), 2000);
}

}  // namespace cleanmail::kv
