// What others are asked in a session: DNS, scanner, policy.
#include "services/ingress/session/session_fixture.h"

namespace cleanmail::ingress {
namespace {

TEST_F(SessionTest, SpfIsAskedOnceForAMessageAndTravelsWithIt) {
  resolver_.SetTxt("client.example", {"v=spf1 ip4:127.0.0.1 -all"});
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  ASSERT_EQ(Received().size(), 1u);
  const mail::v1::SpfVerdict spf = Received()[0].message().spf();
  EXPECT_EQ(spf.result(), "pass");
  EXPECT_EQ(spf.domain(), "client.example");
  EXPECT_EQ(spf.reason(), "ip4:127.0.0.1");
  EXPECT_EQ(std::ranges::count(resolver_.asked(), "client.example", &dns::Question::name), 1);
  EXPECT_EQ(metrics_.spf.at("pass")->value(), 1);
}

TEST_F(SessionTest, AForgedSenderOfAnEnforcedDomainIsRefusedWhileAnAllowedServerIsNot) {
  settings_.spf.enforced = {"bluewin.example", "down.example", "silent.example"};
  resolver_.SetTxt("bluewin.example", {"v=spf1 ip4:192.0.2.1 -all"});
  resolver_.SetTxt("other-sender.example", {"v=spf1 -all"});
  resolver_.Fail("down.example");
  Open();
  Greet();
  EXPECT_EQ(Say(MailFrom("a@bluewin.example"), 2),
            "550 5.7.23 CMR-SPF-FORGED Forged sender domain from this server");
  EXPECT_EQ(Say("RSET\r\n").substr(0, 3), "250");
  EXPECT_TRUE(Say(MailFrom("a@down.example"), 2).starts_with("451 4.7.24 CMR-SPF-LATER"));
  for (const char* sender : {"a@silent.example", "a@other-sender.example"}) {
    EXPECT_EQ(Say("RSET\r\n").substr(0, 3), "250");
    EXPECT_EQ(Say(MailFrom(sender), 2).substr(0, 3), "250") << sender;
  }
  resolver_.SetTxt("bluewin.example", {"v=spf1 ip4:127.0.0.1 -all"});
  EXPECT_EQ(Say("RSET\r\n").substr(0, 3), "250");
  EXPECT_EQ(Say(MailFrom("a@bluewin.example"), 2).substr(0, 3), "250");
}

TEST_F(SessionTest, T_C6_AResolverThatHangsCostsTheDeadlineAndNotTheMail) {
  settings_.spf.deadline = absl::Milliseconds(100);
  resolver_.Hang("");
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  EXPECT_EQ(Received()[0].message().spf().result(), "temperror");
}

TEST_F(SessionTest, OfATrustedRelayNothingIsAsked) {
  settings_.trusted_relays = *net::PrefixSet::Parse(std::vector<std::string>{"127.0.0.0/8"});
  settings_.spf.enforced = {"client.example"};
  resolver_.SetTxt("client.example", {"v=spf1 -all"});
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  EXPECT_FALSE(Received()[0].message().has_spf());
  EXPECT_TRUE(resolver_.asked().empty());
}

TEST_F(SessionTest, OfADomainsRelayNothingIsAskedForItsMail) {
  settings_.spf.enforced = {"client.example"};
  resolver_.SetTxt("client.example", {"v=spf1 -all"});
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/acme/domains/example.org");
  change.mutable_domain()->add_trusted_relays("127.0.0.0/8");
  directory_.Apply(change);
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  EXPECT_FALSE(Received()[0].message().has_spf());
  EXPECT_TRUE(resolver_.asked().empty());
  change.mutable_domain()->clear_trusted_relays();
  directory_.Apply(change);
  EXPECT_EQ(Say(MailFrom("a@client.example"), 2).substr(0, 10), "550 5.7.23");
}

TEST_F(SessionTest, TheClientIsLookedUpOnceInASessionAndOnlyOnTheInternet) {
  proxy_from_ = {"127.0.0.0/8"};
  dns_lists_to_ask_ = {{.zone = "bl.example", .codes = {{"127.0.0.2", "SBL", 3}}}};
  resolver_.SetA("8.7.6.5.bl.example", {"127.0.0.2"});
  resolver_.Set("8.7.6.5.in-addr.arpa", dns::Type::kPtr, {.names = {"mta.client.example"}});
  resolver_.SetA("mta.client.example", {"5.6.7.8"});
  Open();
  client_ = Connect();
  ASSERT_TRUE(client_->Send("PROXY TCP4 5.6.7.8 127.0.0.1 1000 25\r\n").ok());
  EXPECT_EQ(Say("EHLO [5.6.7.9]\r\n", 2).substr(0, 3), "250");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Say(MailFrom("a@client.example") + "DATA\r\n", 3).substr(0, 3), "354");
    EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  }
  ASSERT_EQ(Received().size(), 2u);
  const mail::v1::DoorFacts door = Received()[1].message().door();
  EXPECT_EQ(door.iprev(), mail::v1::DoorFacts::IPREV_PASS);
  EXPECT_EQ(door.client_name(), "mta.client.example");
  EXPECT_EQ(door.helo(), mail::v1::DoorFacts::HELO_WRONG_LITERAL);
  ASSERT_EQ(door.lists_size(), 1);
  EXPECT_EQ(door.lists(0).label(), "SBL");
  EXPECT_EQ(std::ranges::count(resolver_.asked(), "8.7.6.5.in-addr.arpa", &dns::Question::name), 1);
  proxy_from_ = {};
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n.\r\n").substr(0, 3), "250");
  EXPECT_FALSE(Received()[2].message().has_door()) << "loopback is nobody's on the Internet";
}

TEST_F(SessionTest, WhatRulesRefuseIsRefusedWhileTheSenderWaits) {
  settings_.scan.off = false;
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\nGTUBE\r\n.\r\n"), "550 5.7.1 CMR-POL-RULE spam");
  EXPECT_TRUE(Received().empty());
  EXPECT_EQ(bus_.Events<v1::MailRefused>().size(), 1u);
  EXPECT_EQ(metrics_.scans_refused.value(), 1);
}

TEST_F(SessionTest, WhatWasFoundTravelsWithTheMessage) {
  settings_.scan.off = false;
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\nfine\r\n.\r\n").substr(0, 3), "250");
  ASSERT_EQ(Received().size(), 1u);
  const v1::MailReceived received = Received()[0];
  EXPECT_EQ(received.scan().score(), 1);
  EXPECT_EQ(received.scan().findings(0).evidence(), received.message_id());
}

TEST_F(SessionTest, T_B9_AScannerThatIsAwayLeavesTheScanForLater) {
  settings_.scan.off = false;
  scan_.away = true;
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\nGTUBE\r\n.\r\n").substr(0, 3), "250");
  EXPECT_FALSE(Received()[0].has_scan());
  EXPECT_EQ(metrics_.scans_later.value(), 1);
}

TEST_F(SessionTest, LargeMailAndMailOfSeveralTenantsIsScannedLater) {
  settings_.scan = {.off = false, .message_bytes = 2000};
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n\r\n" + std::string(1900, 'x') + "\r\n.\r\n").substr(0, 3), "250");
  EXPECT_EQ(scan_.calls, 0);
  EXPECT_FALSE(Received()[0].has_scan());
}

TEST_F(SessionTest, NobodyWaitsForAScanThatCannotRefuse) {
  settings_.scan.off = false;
  Open();
  Greet();
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(
      Say("RCPT TO:<bob@example.org>\r\nRCPT TO:<lenient@example.org>\r\nDATA\r\n", 3).substr(0, 3),
      "354");
  EXPECT_EQ(Say("Subject: x\r\n\r\nGTUBE\r\n.\r\n").substr(0, 3), "250");
  EXPECT_EQ(scan_.calls, 0);
  EXPECT_FALSE(Received()[0].has_scan());
}

}  // namespace
}  // namespace cleanmail::ingress
