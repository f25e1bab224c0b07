#include "libs/store/kv/redis_kv_store.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/store/kv/kv_contract_test.h"
#include "libs/testing/redis_server.h"

namespace cleanmail::kv {
namespace {

constexpr char kPassword[] = "secret of the tests";

testing::RedisServer& Server() {
  static testing::RedisServer server(kPassword);
  static const absl::Status started = server.Start();
  if (!started.ok()) ADD_FAILURE() << started;
  return server;
}

RedisOptions NewOptions() {
  static int number = 0;
  return {.addresses = {Server().address()},
          .password = kPassword,
          .prefix = base::Cat("test", ++number, ":"),
          .deadline = absl::Milliseconds(500)};
}

std::unique_ptr<RedisKvStore> Opened(const RedisOptions& options) {
  static const base::SystemClock clock;
  return *OpenRedis(options, clock);
}

class RedisUnderTest final : public KvStoreUnderTest {
 public:
  KvStore& kv() override { return *kv_; }
  void Wait(absl::Duration duration) override { absl::SleepFor(duration); }

 private:
  std::unique_ptr<RedisKvStore> kv_ = Opened(NewOptions());
};

INSTANTIATE_TEST_SUITE_P(Redis, KvContract,
                         ::testing::Values([] { return std::make_unique<RedisUnderTest>(); }));

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

TEST(Redis, TwoProcessesCountTogether) {
  const RedisOptions options = NewOptions();
  auto one = Opened(options), other = Opened(options);
  EXPECT_EQ(*one->Add("n", 2, absl::Minutes(1)), 2);
  EXPECT_EQ(*other->Add("n", 3, absl::Minutes(1)), 5);
  EXPECT_EQ(*Opened(NewOptions())->Add("n", 1, absl::Minutes(1)), 1) << "another deployment";
  EXPECT_FALSE(one->degraded());
  EXPECT_EQ(one->fallbacks() + other->fallbacks(), 0);
}

TEST(Redis, CountersAreWholeNumbersToTheirEnd) {
  auto kv = Opened(NewOptions());
  const int64_t large = (int64_t{1} << 62) + 1;
  EXPECT_EQ(*kv->Add("n", large, absl::Minutes(1)), large);
  EXPECT_EQ(kv->Add("n", large, absl::Minutes(1)).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Redis, AKilledRedisIsReplacedByMemoryAtOnceAndFoundAgain) {
  std::atomic<int> changes{0};
  RedisOptions options = NewOptions();
  options.on_change = [&](bool) { ++changes; };
  auto kv = Opened(options);
  EXPECT_EQ(*kv->Add("n", 5, absl::Minutes(1)), 5);
  Server().Kill();
  ASSERT_TRUE(Eventually([&] { return kv->degraded(); }));
  const absl::Time begin = absl::Now();
  for (int i = 1; i <= 1000; ++i) EXPECT_EQ(*kv->Add("n", 1, absl::Minutes(1)), i);
  ASSERT_TRUE(kv->Set("a", "x", absl::Minutes(1)).ok());
  EXPECT_EQ(*kv->Get("a"), "x");
  EXPECT_LT(absl::Now() - begin, absl::Milliseconds(500));
  EXPECT_GE(kv->fallbacks(), 1002);
  ASSERT_TRUE(Server().Start().ok());
  ASSERT_TRUE(Eventually([&] { return !kv->degraded(); }));
  EXPECT_EQ(*kv->Add("n", 1, absl::Minutes(1)), 1) << "the memory of the outage is over";
  EXPECT_EQ(changes.load(), 3);
}

TEST(Redis, AFlushedRedisBeginsAnew) {
  auto kv = Opened(NewOptions());
  EXPECT_EQ(*kv->Add("n", 5, absl::Minutes(1)), 5);
  ASSERT_TRUE(Server().Run({"FLUSHALL"}).ok());
  EXPECT_EQ(*kv->Add("n", 1, absl::Minutes(1)), 1);
  EXPECT_FALSE(kv->degraded());
}

TEST(Redis, AHangingRedisCostsOneDeadlineAndNoMore) {
  RedisOptions options = NewOptions();
  options.deadline = absl::Milliseconds(50);
  auto kv = Opened(options);
  ASSERT_TRUE(kv->Set("a", "x", absl::Minutes(1)).ok());
  Server().Freeze();
  const absl::Time begin = absl::Now();
  for (int i = 1; i <= 200; ++i) EXPECT_EQ(*kv->Add("n", 1, absl::Minutes(1)), i);
  EXPECT_LT(absl::Now() - begin, absl::Milliseconds(500));
  EXPECT_TRUE(kv->degraded());
  Server().Thaw();
  EXPECT_TRUE(Eventually([&] { return !kv->degraded(); }));
  EXPECT_EQ(*kv->Get("a"), "x");
}

TEST(Redis, WhatWasDeletedDuringAnOutageDoesNotComeBack) {
  RedisOptions options = NewOptions();
  options.deadline = absl::Milliseconds(50);
  auto kv = Opened(options);
  ASSERT_TRUE(kv->Set("session", "ann", absl::Minutes(1)).ok());
  ASSERT_TRUE(kv->Set("other", "bob", absl::Minutes(1)).ok());
  Server().Freeze();
  ASSERT_TRUE(kv->Delete("session").ok());
  ASSERT_TRUE(kv->Delete("other").ok());
  ASSERT_TRUE(Eventually([&] { return kv->degraded(); }));
  absl::SleepFor(absl::Milliseconds(1500));  // the connection is dropped after a second
  Server().Thaw();
  ASSERT_TRUE(Eventually([&] { return !kv->degraded(); }));
  EXPECT_FALSE(kv->Get("session").ok());
  EXPECT_FALSE(kv->Get("other").ok());
}

TEST(Redis, AReplicaIsPassedOver) {
  testing::RedisServer replica(kPassword);
  ASSERT_TRUE(replica.Start().ok());
  ASSERT_TRUE(replica.Run({"REPLICAOF", "127.0.0.1", "1"}).ok());
  RedisOptions options = NewOptions();
  options.addresses.insert(options.addresses.begin(), replica.address());
  auto kv = Opened(options);
  EXPECT_TRUE(Eventually([&] { return !kv->degraded(); }));
}

TEST(Redis, StartsWithoutOneAndWithAWrongPassword) {
  RedisOptions options = NewOptions();
  options.addresses = {"127.0.0.1:1"};
  auto away = Opened(options);
  EXPECT_TRUE(away->degraded());
  EXPECT_EQ(*away->Add("n", 1, absl::Minutes(1)), 1);
  options = NewOptions();
  options.password = "wrong";
  EXPECT_TRUE(Opened(options)->degraded());
  static const base::SystemClock clock;
  EXPECT_EQ(OpenRedis({.addresses = {"nonsense"}}, clock).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Redis, AnyTextIsAKeyOrAValue) {
  auto kv = Opened(NewOptions());
  const std::string odd("a b\r\n$3\0\xff", 10);
  ASSERT_TRUE(kv->Set(odd, odd, absl::Minutes(1)).ok());
  EXPECT_EQ(*kv->Get(odd), odd);
}

}  // namespace
}  // namespace cleanmail::kv
