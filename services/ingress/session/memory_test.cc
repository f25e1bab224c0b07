// What is remembered of clients from session to session, and who is made to wait.
#include "libs/base/fake_clock.h"
#include "libs/store/kv/memory_kv_store.h"
#include "services/ingress/session/session_fixture.h"

namespace cleanmail::ingress {
namespace {

TEST_F(SessionTest, AStrangerIsAskedToComeAgainAndTakenWhenHeDoes) {
  base::FakeClock clock;
  const auto kv = kv::MakeMemoryKvStore(clock, 100);
  const Greylist greylist({.pass_domains = {"provider.example"}}, *kv, clock);
  greylist_ = &greylist;
  proxy_from_ = {"127.0.0.0/8"};
  resolver_.Set("8.7.6.5.in-addr.arpa", dns::Type::kPtr, {.names = {"mta.client.example"}});
  resolver_.SetA("mta.client.example", {"5.6.7.8"});
  resolver_.Set("1.7.6.5.in-addr.arpa", dns::Type::kPtr, {.names = {"a1.provider.example"}});
  resolver_.SetA("a1.provider.example", {"5.6.7.1"});
  Open();
  GreetAs("5.6.7.8");
  EXPECT_EQ(Say(MailFrom("a@client.example"), 2).substr(0, 23), "451 4.7.1 CMR-GRY-LATER");
  EXPECT_EQ(Say("RCPT TO:<nobody@other.example>\r\n").substr(0, 3), "550")
      << "no stranger's matter";
  clock.Advance(absl::Minutes(6));
  GreetAs("5.6.7.8");
  EXPECT_EQ(Say(MailFrom("a@client.example"), 2).substr(0, 3), "250");
  GreetAs("5.6.7.1");
  EXPECT_EQ(Say(MailFrom("b@client.example"), 2).substr(0, 3), "250") << "a provider's server";
  EXPECT_EQ(metrics_.greylist_later.value(), 1);
  EXPECT_EQ(metrics_.greylist_passed.value(), 1);
  client_.reset();
  listener_.reset();
  loops_->Stop(absl::Now() + absl::Seconds(5));
}

TEST_F(SessionTest, WhatBecameOfAClientsMailIsToldWithItsNext) {
  base::FakeClock clock;
  const auto kv = kv::MakeMemoryKvStore(clock, 100);
  const reputation::Reputations reputations(absl::Hours(1), *kv, clock);
  reputations_ = &reputations;
  settings_.scan.off = false;
  proxy_from_ = {"127.0.0.0/8"};
  Open();
  GreetAs("5.6.7.8");
  EXPECT_EQ(
      Say("MAIL FROM:<a@client.example>\r\nRCPT TO:<nobody@other.example>\r\n", 2).substr(0, 3),
      "550");
  EXPECT_EQ(Say("RSET\r\n").substr(0, 3), "250");
  EXPECT_EQ(Say(MailFrom("a@client.example") + "DATA\r\n", 3).substr(0, 3), "354");
  EXPECT_EQ(Say("Subject: GTUBE\r\n\r\n.\r\n").substr(0, 3), "550");
  const auto remembered = [&] {
    mail::v1::DoorFacts facts;
    reputations.Recall(*net::IpAddress::Parse("5.6.7.8"), facts);
    return facts.address_reputation();
  };
  Eventually([&] { return remembered().spam() > 0.9 && remembered().refused() > 0.9; });
  GreetAs("5.6.7.8");
  EXPECT_EQ(Say(MailFrom("a@client.example") + "DATA\r\n", 3).substr(0, 3), "354");
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  ASSERT_EQ(Received().size(), 1u);
  EXPECT_GT(Received()[0].message().door().address_reputation().spam(), 0.9);
  EXPECT_EQ(remembered().good(), 0) << "what was taken, the scanner notes";
  client_.reset();
  listener_.reset();
  loops_->Stop(absl::Now() + absl::Seconds(5));
}

TEST_F(SessionTest, WhoErrsAgainAndAgainWaitsForItsAnswers) {
  Tarpit tarpit({.free_errors = 1, .first = absl::Milliseconds(200), .sessions = 1});
  tarpit_ = &tarpit;
  Open();
  Greet();
  EXPECT_EQ(Say("NONSENSE\r\n").substr(0, 1), "5");
  EXPECT_EQ(metrics_.held_up.value(), 0);
  const absl::Time began = absl::Now();
  EXPECT_EQ(Say("NONSENSE\r\n").substr(0, 1), "5");
  EXPECT_GE(absl::Now() - began, absl::Milliseconds(200));
  EXPECT_EQ(Say("NOOP\r\n").substr(0, 3), "250");
  EXPECT_EQ(metrics_.held_up.value(), 1) << "only what is wrong waits";
  {
    const Tarpit::Place taken = tarpit.Enter();
    EXPECT_EQ(Say("NONSENSE\r\n").substr(0, 1), "5");
    EXPECT_EQ(metrics_.held_up.value(), 1) << "as many as may be are held up already";
  }
  client_.reset();
  listener_.reset();
  loops_->Stop(absl::Now() + absl::Seconds(5));
}

}  // namespace
}  // namespace cleanmail::ingress
