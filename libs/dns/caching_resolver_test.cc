#include "libs/dns/caching_resolver.h"

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/fake_clock.h"
#include "libs/dns/fake_resolver.h"
#include "libs/dns/metered_resolver.h"

namespace cleanmail::dns {
namespace {

class CachingResolverTest : public ::testing::Test {
 protected:
  absl::StatusOr<Answer> Ask(const std::string& name, Type type = Type::kA) {
    absl::Notification answered;
    absl::StatusOr<Answer> answer;
    resolver_.Lookup({.name = name, .type = type}, absl::Now() + absl::Seconds(20),
                     [&](absl::StatusOr<Answer> a) {
                       answer = std::move(a);
                       answered.Notify();
                     });
    answered.WaitForNotification();
    return answer;
  }
  base::FakeClock clock_;
  telemetry::MetricsRegistry metrics_;
  FakeResolver* fake_ = new FakeResolver();  // owned by resolver_
  CachingResolver resolver_{
      std::make_unique<MeteredResolver>(std::unique_ptr<Resolver>(fake_), metrics_),
      clock_,
      {.most_entries = 3, .longest = absl::Hours(1), .negative = absl::Seconds(60)}};
};

TEST_F(CachingResolverTest, AnAnswerIsKeptForItsTimeToLive) {
  fake_->Set("a.example", Type::kA, {.addresses = {"192.0.2.1"}, .ttl = absl::Seconds(300)});
  EXPECT_EQ(Ask("a.example")->addresses[0], "192.0.2.1");
  EXPECT_TRUE(Ask("A.Example").ok());
  EXPECT_EQ(fake_->asked().size(), 1u);
  EXPECT_EQ(Ask("a.example", Type::kMx).status().code(), absl::StatusCode::kNotFound);
  clock_.Advance(absl::Seconds(301));
  EXPECT_TRUE(Ask("a.example").ok());
  EXPECT_EQ(fake_->asked().size(), 3u);
}

TEST_F(CachingResolverTest, NoSuchNameIsKeptShortlyAndAFailureForAMoment) {
  EXPECT_EQ(Ask("none.example").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Ask("none.example").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(fake_->asked().size(), 1u);
  clock_.Advance(absl::Seconds(61));
  (void)Ask("none.example");
  EXPECT_EQ(fake_->asked().size(), 2u);
  fake_->Fail("down.example");
  EXPECT_EQ(Ask("down.example").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Ask("down.example").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(fake_->asked().size(), 3u);
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Ask("down.example").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(fake_->asked().size(), 4u);
}

TEST_F(CachingResolverTest, AFullCacheForgetsWhatWasUsedLongestAgo) {
  for (const char* name : {"a", "b", "c"}) fake_->SetA(name, {"192.0.2.1"});
  for (const char* name : {"a", "b", "c", "a", "d", "a", "c"}) (void)Ask(name);
  EXPECT_EQ(resolver_.size(), 3u);
  EXPECT_EQ(fake_->asked().size(), 4u);
  (void)Ask("b");
  EXPECT_EQ(fake_->asked().size(), 5u);
}

TEST_F(CachingResolverTest, SeveralWhoAskTheSameAreAnsweredByOneQuestion) {
  fake_->Hang("slow.example");
  const absl::Time deadline = absl::Now() + absl::Milliseconds(50);
  absl::Notification first, second, hurried;
  resolver_.Lookup({.name = "slow.example"}, deadline, [&](auto) { first.Notify(); });
  resolver_.Lookup({.name = "slow.example"}, deadline + absl::Seconds(1),
                   [&](auto) { second.Notify(); });
  resolver_.Lookup({.name = "slow.example"}, deadline - absl::Milliseconds(40), [&](auto) {
    hurried.Notify();
    EXPECT_FALSE(first.HasBeenNotified());
  });
  hurried.WaitForNotification();
  first.WaitForNotification();
  second.WaitForNotification();
  EXPECT_EQ(fake_->asked().size(), 2u);
  EXPECT_NE(metrics_.Text().find("cleanmail_dns_questions_total{type=\"A\",outcome=\"failed\"} 2"),
            std::string::npos)
      << metrics_.Text();
}

}  // namespace
}  // namespace cleanmail::dns
