// What the door remembers of clients: greylist; and whom it holds up.
#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/store/kv/memory_kv_store.h"
#include "services/ingress/door/greylist.h"
#include "services/ingress/door/tarpit.h"

namespace cleanmail::ingress {
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

class DoorMemoryTest : public ::testing::Test {
 protected:
  static net::IpAddress Ip(std::string_view text) { return *net::IpAddress::Parse(text); }
  bool Waits(const Greylist& greylist, std::string_view client,
             std::string_view sender = "a@x.example",
             const std::string& recipient = "b@y.example") {
    return greylist.Ask(Ip(client), sender, {recipient}).at(0);
  }
  static GreylistOptions Options() {
    GreylistOptions options;
    options.passes = 2;
    options.pass_networks = *net::PrefixSet::Parse(std::vector<std::string>{"198.51.100.0/24"});
    options.pass_domains = LargeProviders();
    return options;
  }
  base::FakeClock clock_;
  std::unique_ptr<kv::KvStore> kv_ = kv::MakeMemoryKvStore(clock_, 1000);
  AwayKv away_;
};

TEST_F(DoorMemoryTest, AStrangerWaitsAndPassesWhenHeComesAgain) {
  const Greylist greylist(Options(), *kv_, clock_);
  EXPECT_TRUE(Waits(greylist, "192.0.2.1"));
  clock_.Advance(absl::Minutes(4));
  EXPECT_TRUE(Waits(greylist, "192.0.2.1")) << "too early";
  clock_.Advance(absl::Minutes(2));
  EXPECT_FALSE(Waits(greylist, "192.0.2.77")) << "another server of his network will do";
  EXPECT_FALSE(Waits(greylist, "192.0.2.1"));
  EXPECT_TRUE(Waits(greylist, "192.0.2.1", "other@x.example")) << "that one is new";
  EXPECT_TRUE(Waits(greylist, "192.0.3.1")) << "so is that network";
}

TEST_F(DoorMemoryTest, WhoComesAgainTooLateIsAStrangerOnceMore) {
  const Greylist greylist(Options(), *kv_, clock_);
  EXPECT_TRUE(Waits(greylist, "192.0.2.1"));
  clock_.Advance(absl::Hours(49));
  EXPECT_TRUE(Waits(greylist, "192.0.2.1"));
}

TEST_F(DoorMemoryTest, ANetworkThatCameAgainOftenIsBelieved) {
  const Greylist greylist(Options(), *kv_, clock_);
  for (const char* const sender : {"a@x.example", "b@x.example"}) {
    EXPECT_TRUE(Waits(greylist, "2001:db8::1", sender));
    clock_.Advance(absl::Minutes(6));
    EXPECT_FALSE(Waits(greylist, "2001:db8::1", sender));
  }
  EXPECT_FALSE(Waits(greylist, "2001:db8::2", "new@x.example"));
  EXPECT_TRUE(Waits(greylist, "2001:db8:0:1::2", "new@x.example"));
}

TEST_F(DoorMemoryTest, SendersThatDifferInNumbersOnlyAreOne) {
  const Greylist greylist(Options(), *kv_, clock_);
  EXPECT_TRUE(Waits(greylist, "192.0.2.1", "list-1234-bob=y.example@X.example"));
  clock_.Advance(absl::Minutes(6));
  EXPECT_FALSE(Waits(greylist, "192.0.2.1", "list-98-bob=y.example@x.example"));
}

TEST_F(DoorMemoryTest, EachRecipientIsAskedForByItself) {
  const Greylist greylist(Options(), *kv_, clock_);
  EXPECT_TRUE(Waits(greylist, "192.0.2.1"));
  clock_.Advance(absl::Minutes(6));
  EXPECT_EQ(greylist.Ask(Ip("192.0.2.1"), "a@x.example", {"B@y.example", "c@y.example"}),
            (std::vector<bool>{false, true}));
}

TEST_F(DoorMemoryTest, NetworksAndConfirmedNamesOfLargeProvidersNeverWait) {
  const Greylist greylist(Options(), *kv_, clock_);
  DoorFacts facts;
  EXPECT_TRUE(greylist.Spares(Ip("198.51.100.7"), facts));
  EXPECT_FALSE(greylist.Spares(Ip("192.0.2.1"), facts));
  facts.set_client_name("mail-ed1-f41.Google.com");
  facts.set_iprev(DoorFacts::IPREV_FAIL);
  EXPECT_FALSE(greylist.Spares(Ip("192.0.2.1"), facts)) << "anybody can name himself so";
  facts.set_iprev(DoorFacts::IPREV_PASS);
  EXPECT_TRUE(greylist.Spares(Ip("192.0.2.1"), facts));
  facts.set_client_name("mail.notgoogle.com");
  EXPECT_FALSE(greylist.Spares(Ip("192.0.2.1"), facts));
}

TEST_F(DoorMemoryTest, WithoutAMemoryNobodyWaits) {
  EXPECT_FALSE(Waits(Greylist(Options(), away_, clock_), "192.0.2.1"));
}

TEST(TarpitTest, DelaysGrowWithErrorsUpToTheLongest) {
  TarpitOptions options;
  options.pass_networks = *net::PrefixSet::Parse(std::vector<std::string>{"198.51.100.0/24"});
  const Tarpit tarpit(options);
  const net::IpAddress client = *net::IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(tarpit.DelayAfter(2, client), absl::ZeroDuration());
  EXPECT_EQ(tarpit.DelayAfter(3, client), absl::Seconds(1));
  EXPECT_EQ(tarpit.DelayAfter(5, client), absl::Seconds(4));
  EXPECT_EQ(tarpit.DelayAfter(1000, client), absl::Seconds(20));
  EXPECT_EQ(tarpit.DelayAfter(9, *net::IpAddress::Parse("198.51.100.1")), absl::ZeroDuration());
}

TEST(TarpitTest, NoMoreAreHeldUpThanThePlacesThereAre) {
  TarpitOptions options;
  options.sessions = 2;
  Tarpit tarpit(options);
  Tarpit::Place first = tarpit.Enter();
  const Tarpit::Place second = tarpit.Enter();
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(tarpit.Enter());
  first = {};
  EXPECT_TRUE(tarpit.Enter());
}

}  // namespace
}  // namespace cleanmail::ingress
