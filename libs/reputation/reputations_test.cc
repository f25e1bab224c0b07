#include "libs/reputation/reputations.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/store/kv/memory_kv_store.h"

namespace cleanmail::reputation {
namespace {

using mail::v1::DoorFacts;

// Answers nothing.
class AwayKv final : public kv::KvStore {
 public:
  absl::StatusOr<std::string> Get(std::string_view) override { return Away(); }
  absl::Status Set(std::string_view, std::string_view, absl::Duration) override { return Away(); }
  absl::Status Delete(std::string_view) override { return Away(); }
  absl::StatusOr<int64_t> Add(std::string_view, int64_t, absl::Duration) override { return Away(); }

 private:
  static absl::Status Away() { return absl::UnavailableError("away"); }
};

class ReputationsTest : public ::testing::Test {
 protected:
  static net::IpAddress Ip(std::string_view text) { return *net::IpAddress::Parse(text); }
  static DoorFacts Recall(const Reputations& reputations, std::string_view client) {
    DoorFacts facts;
    reputations.Recall(Ip(client), facts);
    return facts;
  }
  base::FakeClock clock_;
  std::unique_ptr<kv::KvStore> kv_ = kv::MakeMemoryKvStore(clock_, 1000);
};

TEST_F(ReputationsTest, WhatWasSeenCountsHalfAfterAHalfLife) {
  const Reputations reputations(absl::Hours(168), *kv_, clock_);
  EXPECT_FALSE(Recall(reputations, "192.0.2.1").has_address_reputation());
  reputations.Note(Ip("192.0.2.1"), Reputations::Event::kSpam, 4);
  reputations.Note(Ip("192.0.2.1"), Reputations::Event::kGood);
  reputations.Note(Ip("192.0.2.2"), Reputations::Event::kRefused, 2);
  DoorFacts facts = Recall(reputations, "192.0.2.1");
  EXPECT_DOUBLE_EQ(facts.address_reputation().spam(), 4);
  EXPECT_DOUBLE_EQ(facts.address_reputation().refused(), 0);
  EXPECT_DOUBLE_EQ(facts.network_reputation().refused(), 2);
  clock_.Advance(absl::Hours(168));
  facts = Recall(reputations, "192.0.2.1");
  EXPECT_NEAR(facts.address_reputation().spam(), 2, 0.01);
  EXPECT_NEAR(facts.network_reputation().good(), 0.5, 0.01);
  EXPECT_FALSE(Recall(reputations, "192.0.2.9").has_address_reputation());
  EXPECT_TRUE(Recall(reputations, "192.0.2.9").has_network_reputation());
  clock_.Advance(absl::Hours(168 * 9));
  EXPECT_FALSE(Recall(reputations, "192.0.2.1").has_network_reputation());
}

TEST_F(ReputationsTest, ABrokenValueIsNone) {
  const Reputations reputations(absl::Hours(1), *kv_, clock_);
  for (const char* const value : {"", "1 2 3", "a b c d", "nan 1 1 5", "1e99 0 0 5", "-1 0 0 5"}) {
    ASSERT_TRUE(kv_->Set("reputation/192.0.2.1", value, absl::Hours(1)).ok());
    EXPECT_FALSE(Recall(reputations, "192.0.2.1").has_address_reputation()) << value;
  }
}

TEST_F(ReputationsTest, AReputationDoesNotFeedItself) {
  mail::v1::ScanResult scan;
  scan.set_score(5.5);
  scan.add_findings()->set_name("REPUTATION_BAD");
  scan.mutable_findings(0)->set_weight(1.5);
  EXPECT_EQ(EventOf(scan), Reputations::Event::kGood);
  scan.set_score(7);
  EXPECT_EQ(EventOf(scan), Reputations::Event::kSpam);
}

TEST_F(ReputationsTest, WithoutAMemoryNothingIsRemembered) {
  AwayKv away;
  const Reputations reputations(absl::Hours(1), away, clock_);
  reputations.Note(Ip("192.0.2.1"), Reputations::Event::kSpam);
  EXPECT_FALSE(Recall(reputations, "192.0.2.1").has_address_reputation());
}

TEST_F(ReputationsTest, MalwareIsSpamWhateverItsScore) {
  mail::v1::ScanResult scan;
  scan.mutable_facts()->set_category(mail::v1::MESSAGE_CATEGORY_MALWARE);
  EXPECT_EQ(EventOf(scan), Reputations::Event::kSpam);
}

}  // namespace
}  // namespace cleanmail::reputation
