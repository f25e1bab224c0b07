#include <filesystem>

#include "services/ingress/session/session_fixture.h"

namespace cleanmail::ingress {
namespace {

TEST_F(SessionTest, AStagedDomainTakesNoMailYet) {
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/acme/domains/soon.example");
  change.mutable_domain()->set_name(change.name());
  change.mutable_domain()->set_state(provisioning::v1::DOMAIN_STATE_STAGED);
  directory_.Apply(change);
  Open();
  Greet();
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(Say("RCPT TO:<bob@soon.example>\r\n").substr(0, 24), "450 4.3.2 CMR-RCP-STAGED");
}

TEST_F(SessionTest, WhomOnlyTheDestinationKnowsIsAskedForThere) {
  AddDomain(directory_, "acme", "ask.example", provisioning::v1::RECIPIENT_MODE_CALL_OUT,
            {"127.0.0.0/8"});
  Open();
  Greet();
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(Say("RCPT TO:<known@ask.example>\r\n").substr(0, 3), "250");
  EXPECT_EQ(Say("RCPT TO:<gone@ask.example>\r\n").substr(0, 25), "550 5.1.1 CMR-RCP-CALLOUT");
  EXPECT_EQ(Say("RCPT TO:<who@ask.example>\r\n").substr(0, 23), "451 4.4.1 CMR-RCP-CHECK");
  // All together, in the order they came.
  EXPECT_EQ(Say("RSET\r\n").substr(0, 3), "250");
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(Say("RCPT TO:<known@ask.example>\r\nRCPT TO:<gone@ask.example>\r\n", 2).substr(0, 3),
            "550");
}

TEST_F(SessionTest, AMessageIsRefusedForItsHeaderBeforeAnythingOfItIsKept) {
  policy_.watch = true;
  Open();
  Begin();
  const std::string body = "\r\nhello\r\n.\r\n";
  EXPECT_EQ(Say("X-Mailer: Microsoft Outlook Express 6\r\n" + body).substr(0, 24),
            "550 5.7.1 CMR-HDR-OE-EOL");
  EXPECT_TRUE(Received().empty());
  EXPECT_EQ(policy_.header_calls, 1);
  const auto refused = bus_.Events<v1::MailRefused>();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].recipient(), "bob@example.org");
  EXPECT_EQ(refused[0].tenant(), "acme");

  // What is not to be asked about is not asked about, also in the same session.
  EXPECT_EQ(
      Say("MAIL FROM:<a@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 3).substr(0, 3),
      "354");
  EXPECT_EQ(Say("X-Mailer: mutt\r\nSubject: Outlook Express\r\n" + body).substr(0, 3), "250");
  EXPECT_EQ(policy_.header_calls, 1);

  // Encoded or cut in two by a fold, it is the same value.
  Begin();
  EXPECT_EQ(Say("x-mailer: =?us-ascii?q?Outlook?=\r\n express\r\n" + body).substr(0, 3), "550");
  Begin();
  EXPECT_EQ(Say("X-Mailer: Outlook Express\r\nX-Spare: me\r\n" + body).substr(0, 3), "250");
  EXPECT_EQ(policy_.header_calls, 3);
}

TEST_F(SessionTest, PolicyAwayAtTheEndOfTheDataIsNoAnswer) {
  policy_.watch = true;
  Open();
  Begin();
  policy_.away = true;
  EXPECT_EQ(Say("X-Mailer: Outlook Express\r\n\r\n.\r\n").substr(0, 23), "451 4.3.0 CMR-SYS-LATER");
  EXPECT_TRUE(Received().empty());
}

TEST_F(SessionTest, ARecipientWhoseVerdictMayDifferIsAskedBack) {
  AddDomain(directory_, "other", "other.example", provisioning::v1::RECIPIENT_MODE_ANY);
  policy_.watch = true;
  Open();
  Greet();
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(Say("RCPT TO:<bob@example.org>\r\n").substr(0, 3), "250");
  EXPECT_EQ(Say("RCPT TO:<eve@other.example>\r\n").substr(0, 23), "452 4.5.3 CMR-RCP-APART");
  EXPECT_EQ(Say("RCPT TO:<carol@example.org>\r\n").substr(0, 3), "250");
  // In a transaction of his own he is welcome.
  Say("RSET\r\n");
  Say("MAIL FROM:<a@client.example>\r\n");
  EXPECT_EQ(Say("RCPT TO:<eve@other.example>\r\n").substr(0, 3), "250");
}

TEST_F(SessionTest, EveryDialogueHolds) {
  provisioning::v1::DirectoryChanged change;
  AddDomain(directory_, "acme", "example.org", provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED,
            {"127.0.0.0/8"});
  AddDomain(directory_, "acme", "open.example", provisioning::v1::RECIPIENT_MODE_ANY,
            {"127.0.0.0/8"});
  for (const char* local : {"bob", "carol", "\xf0\x9f\x90\x9d", "f\xc3\xbcr-alle"}) {
    change = {};
    change.set_name(std::string("tenants/acme/users/") + local + "@example.org");
    change.mutable_user()->set_name(change.name());
    directory_.Apply(change);
  }
  int dialogues = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/dialogues")) {
    if (entry.path().extension() != ".txt") continue;
    SCOPED_TRACE(entry.path().filename());
    EXPECT_EQ(Converse(entry.path()), absl::OkStatus());
    ++dialogues;
  }
  EXPECT_GE(dialogues, 15);
}

TEST_F(SessionTest, KeepsAMessageWithOurReceivedLineOnTop) {
  Open();
  Begin();
  const std::string message =
      "From: x\r\nX-Cleanmail-Score: 1\r\nSubject: "
      "=?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nx-cleanmail-other:\r\n y\r\n\r\n..dot\r\n";
  const std::string reply = Say(message + ".\r\n");
  ASSERT_EQ(Received().size(), 1u);
  const v1::MailReceived event = Received()[0];
  EXPECT_EQ(reply, "250 2.0.0 Ok: queued as " + event.message_id());
  EXPECT_EQ(event.message().tenant(), "acme");
  EXPECT_EQ(event.message().direction(), mail::v1::DIRECTION_INBOUND);
  EXPECT_EQ(event.message().envelope().sender(), "a@client.example");
  EXPECT_EQ(event.message().envelope().recipients(0), "bob@example.org");
  EXPECT_EQ(event.message().session().client_address(), "127.0.0.1");
  EXPECT_EQ(event.message().session().helo(), "client.example");
  EXPECT_EQ(event.message().subject(),
            "gr\xc3\xbc\xc3\x9f"
            "e");
  const std::string body = Body(event);
  EXPECT_EQ(static_cast<int64_t>(body.size()), event.message().size());
  const std::string expected =
      "Received: from client.example ([127.0.0.1])\r\n\tby mx.example.org (" + TenantMark("acme") +
      ")\r\n\twith ESMTP id " + event.message_id() + "\r\n\tfor <bob@example.org>;\r\n\t";
  EXPECT_EQ(body.substr(0, expected.size()), expected);
  EXPECT_TRUE(body.ends_with("\r\nFrom: x\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\n.dot\r\n"))
      << body;
}

TEST_F(SessionTest, T_A10_CountsItsOwnHopsOfThisTenant) {
  Open();
  std::string message = "Subject: x\r\n\r\nbody\r\n";
  for (int hop = 0; hop < 3; ++hop) {
    bus_.Clear();
    Begin();
    EXPECT_EQ(Say(message + ".\r\n").substr(0, 3), "250");
    EXPECT_EQ(Received()[0].message().own_hops(), hop);
    message = Body(Received()[0]);
  }
  bus_.Clear();
  Begin("postmaster@other.example");
  Say(message + ".\r\n");
  EXPECT_EQ(Received()[0].message().own_hops(), 0) << "another tenant's lines do not count";
}

TEST_F(SessionTest, SeveralTenantsGetAMessageEachTogether) {
  Open();
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<a@client.example>\r\nRCPT TO:<bob@example.org>\r\nRCPT "
                "TO:<postmaster@other.example>\r\n"
                "RCPT TO:<carol@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
                6)
                .substr(0, 3),
            "354");
  EXPECT_EQ(policy_.calls, 1) << "one question for the group";
  const std::string reply = Say("Subject: x\r\n\r\nbody\r\n.\r\n");
  const auto events = Received();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(bus_.publications(), 1u) << "visible together";
  EXPECT_EQ(reply,
            "250 2.0.0 Ok: queued as " + events[0].message_id() + ", " + events[1].message_id());
  EXPECT_EQ(events[0].message().envelope().recipients_size(), 2);
  EXPECT_EQ(events[1].message().envelope().recipients_size(), 1);
  for (const auto& event : events) {
    EXPECT_EQ(Body(event).find("for <"), std::string::npos);
    EXPECT_EQ(Body(event).find("bob@"), std::string::npos) << "nobody sees another's recipients";
  }
}

TEST_F(SessionTest, AMessageWithoutEmptyLineIsKeptAsItCame) {
  Open();
  Begin();
  EXPECT_EQ(Say("Subject: x\r\n.\r\n").substr(0, 3), "250");
  EXPECT_TRUE(Body(Received()[0]).ends_with("+0000\r\nSubject: x\r\n"));
}

TEST_F(SessionTest, PolicyRefusesForARecipientAndIsToldApartFromItsAbsence) {
  Open();
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<>\r\nRCPT TO:<blocked@example.org>\r\n", 2),
            "550 5.7.1 Blocked by a rule");
  policy_.away = true;
  EXPECT_EQ(Say("RCPT TO:<bob@example.org>\r\n").substr(0, 9), "451 4.3.0");
  Eventually([&] { return bus_.Events<v1::MailRefused>().size() == 2; });
  EXPECT_EQ(bus_.Events<v1::MailRefused>()[0].recipient(), "blocked@example.org");
}

TEST_F(SessionTest, UnknownUsersAndAnIncompleteDirectory) {
  Open();
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<>\r\nRCPT TO:<joe@other.example>\r\n", 2).substr(0, 9), "550 5.1.1");
  EXPECT_EQ(Say("RCPT TO:<abuse@other.example>\r\n").substr(0, 3), "250");
  directory::Directory incomplete;
  const Doorman doorman(Role::kMx, "", "mx.example.org", incomplete);
  EXPECT_EQ(doorman.AdmitRecipient({"bob", "example.org"}, "").refusal->code, 451);
  EXPECT_EQ(doorman.AdmitRecipient({"Postmaster", ""}, "").refusal->code, 451);
}

TEST_F(SessionTest, BarePostmasterGoesToTheDomainAboveUs) {
  Open();
  Begin("Postmaster");
  Say("\r\n.\r\n");
  EXPECT_EQ(Received()[0].message().envelope().recipients(0), "postmaster@example.org");
}

TEST_F(SessionTest, SmartHostTakesOnlyFromTenantsNetworksAndForTheirOwnDomains) {
  settings_.role = Role::kSmartHost;
  Open();
  Greet();
  EXPECT_EQ(Say("MAIL FROM:<x@other.example>\r\n").substr(0, 9), "550 5.7.1")
      << "T-A8: another tenant's domain";
  EXPECT_EQ(
      Say("MAIL FROM:<x@example.org>\r\nRCPT TO:<y@elsewhere.example>\r\nDATA\r\n", 3).substr(0, 3),
      "354");
  Say("x\r\n.\r\n");
  ASSERT_EQ(Received().size(), 1u);
  EXPECT_EQ(Received()[0].message().direction(), mail::v1::DIRECTION_OUTBOUND);
  EXPECT_EQ(Received()[0].message().tenant(), "acme");
  AddDomain(directory_, "acme", "example.org", provisioning::v1::RECIPIENT_MODE_ANY,
            {"192.0.2.0/24"});
  EXPECT_EQ(Say("MAIL FROM:<x@example.org>\r\n").substr(0, 9), "550 5.7.1");
}

TEST_F(SessionTest, WhatADestinationIsKnownNotToTakeIsRefusedAtOnce) {
  AddDomain(directory_, "acme", "old.example", provisioning::v1::RECIPIENT_MODE_ANY);
  settings_.smtp.message.bytes = int64_t{50} << 20;
  Open();
  Greet();
  Say("MAIL FROM:<a@client.example> SIZE=1000\r\n");
  EXPECT_EQ(Say("RCPT TO:<b@old.example>\r\n").substr(0, 3), "250");
  EXPECT_EQ(lore_.calls, 0) << "nothing to ask";
  Say("RSET\r\nMAIL FROM:<a@client.example> SMTPUTF8\r\n", 2);
  EXPECT_EQ(Say("RCPT TO:<b@old.example>\r\n").substr(0, 23), "550 5.6.7 CMR-DST-UTF8 ");
  EXPECT_EQ(Say("RCPT TO:<b@example.org>\r\n").substr(0, 3), "250") << "nothing known";
  Say("RSET\r\nMAIL FROM:<a@client.example> SIZE=20971521\r\n", 2);
  EXPECT_EQ(Say("RCPT TO:<b@old.example>\r\n").substr(0, 23), "552 5.3.4 CMR-DST-SIZE ");
  Say("RSET\r\nMAIL FROM:<a@client.example> SIZE=20971520\r\n", 2);
  EXPECT_EQ(Say("RCPT TO:<b@old.example>\r\n").substr(0, 3), "250");
  lore_.away = true;
  Say("RSET\r\nMAIL FROM:<a@client.example> SMTPUTF8\r\n", 2);
  EXPECT_EQ(Say("RCPT TO:<b@old.example>\r\n").substr(0, 3), "250")
      << "whoever is away is passed by";
}

TEST_F(SessionTest, WhatASenderAsksToBeToldTravelsWithTheMessage) {
  settings_.role = Role::kSmartHost;
  settings_.smtp.offer_dsn = true;
  Open();
  Greet();
  Say("MAIL FROM:<x@example.org> RET=HDRS ENVID=a+20b\r\nRCPT TO:<y@elsewhere.example> "
      "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;z@elsewhere.example\r\nRCPT "
      "TO:<n@elsewhere.example>\r\nDATA\r\n",
      4);
  EXPECT_EQ(Say("x\r\n.\r\n").substr(0, 3), "250");
  const mail::v1::Envelope envelope = Received()[0].message().envelope();
  EXPECT_EQ(envelope.dsn_return(), "HDRS");
  EXPECT_EQ(envelope.dsn_envelope_id(), "a b");
  EXPECT_EQ(envelope.recipients_size(), 2);
  ASSERT_EQ(envelope.recipient_dsn_size(), 1);
  const mail::v1::RecipientDsn& dsn = envelope.recipient_dsn(0);
  EXPECT_EQ(dsn.address(), "y@elsewhere.example");
  EXPECT_TRUE(dsn.on_success() && dsn.on_delay() && !dsn.on_failure() && !dsn.never());
  EXPECT_EQ(dsn.original_recipient(), "rfc822;z@elsewhere.example");
}

TEST_F(SessionTest, T_E1_NoPromiseWhenKeepingFails) {
  Open();
  Begin();
  bus_.FailNext(absl::UnavailableError("disk gone"));
  EXPECT_EQ(Say("x\r\n.\r\n").substr(0, 9), "451 4.3.0");
  bus_.FailNext(absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(Say("MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 3).substr(0, 3), "354");
  EXPECT_EQ(Say("x\r\n.\r\n").substr(0, 9), "452 4.3.1");
  blobs_.FailNext(absl::UnavailableError("no key"));
  EXPECT_EQ(Say("MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 3).substr(0, 9),
            "451 4.3.0");
  EXPECT_EQ(Received().size(), 0u);
  EXPECT_EQ(blobs_.size(), 0u);
  EXPECT_EQ(Say("MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 3).substr(0, 3), "354")
      << "and it recovers by itself";
  EXPECT_EQ(Say("x\r\n.\r\n").substr(0, 3), "250");
}

TEST_F(SessionTest, T_E1_ThePromiseWaitsForTheBus) {
  Open();
  Begin();
  bus_.HoldDone();
  ASSERT_TRUE(client_->Send("x\r\n.\r\nNOOP\r\n").ok());
  Eventually([&] { return bus_.publications() == 1; });
  bus_.ReleaseDone();
  EXPECT_EQ(Say("").substr(0, 3), "250");
  EXPECT_EQ(Say("").substr(0, 3), "250") << "NOOP waited its turn";
}

TEST_F(SessionTest, T_E4_AFullDiskIsSaidAtMail) {
  Open();
  Greet();
  bus_.SetAccepting(absl::ResourceExhaustedError("disk"));
  EXPECT_EQ(Say("MAIL FROM:<>\r\n").substr(0, 9), "452 4.3.1");
  bus_.SetAccepting(absl::OkStatus());
  EXPECT_EQ(Say("MAIL FROM:<>\r\n").substr(0, 3), "250");
}

TEST_F(SessionTest, NothingIsKeptOfAMessageThatBreaksOff) {
  Open();
  Begin();
  ASSERT_TRUE(client_->Send("Subject: x\r\n\r\nhalf a mess").ok());
  client_.reset();
  Eventually([&] { return metrics_.sessions_open.value() == 0; });
  EXPECT_EQ(Received().size(), 0u);
  EXPECT_EQ(blobs_.size(), 0u);
}

TEST_F(SessionTest, T_A2_TlsClosedInTheMiddleOfAChunk) {
  settings_.smtp.offer_starttls = true;
  settings_.tls = &Tls();
  Open();
  Greet();
  EXPECT_EQ(Say("STARTTLS\r\n").substr(0, 3), "220");
  ASSERT_TRUE(client_->StartTls().ok());
  EXPECT_EQ(Say("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\n", 3).substr(0, 3), "250");
  ASSERT_TRUE(client_->Send("BDAT 1000 LAST\r\nSubject: x\r\n").ok());
  client_.reset();
  Eventually([&] { return metrics_.sessions_open.value() == 0; });
  EXPECT_EQ(Received().size(), 0u);
}

TEST_F(SessionTest, T_A3_BytesSentInTheClearBehindStarttlsDoNothing) {
  settings_.smtp.offer_starttls = true;
  settings_.tls = &Tls();
  Open();
  Greet();
  EXPECT_EQ(Say("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@client.example>\r\n").substr(0, 3),
            "220");
  ASSERT_TRUE(client_->StartTls().ok());
  EXPECT_EQ(Say("RCPT TO:<bob@example.org>\r\n").substr(0, 3), "503");
  EXPECT_EQ(Say("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 4).substr(0, 3),
            "354");
  Say("x\r\n.\r\n");
  EXPECT_NE(Body(Received()[0]).find("with ESMTPS id"), std::string::npos);
  EXPECT_NE(Body(Received()[0]).find("(TLSv1."), std::string::npos);
}

TEST_F(SessionTest, T_A9_AProxyHeaderCountsOnlyFromConfiguredPeers) {
  Open();
  client_ = Connect();
  EXPECT_EQ(Say("PROXY TCP4 203.0.113.9 127.0.0.1 1 25\r\n", 2).substr(0, 3), "500");
  listener_.reset();
  proxy_from_ = {"127.0.0.0/8"};
  Open();
  client_ = Connect();
  EXPECT_EQ(Say("PROXY TCP4 203.0.113.9 127.0.0.1 1 25\r\n").substr(0, 3), "220");
  EXPECT_EQ(Say("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 4).substr(0, 3),
            "354");
  Say("x\r\n.\r\n");
  EXPECT_EQ(Received()[0].message().session().client_address(), "203.0.113.9");
}

TEST_F(SessionTest, T_A11_TooManySessionsFromOneAddressGet421AndComeBackLater) {
  limit_options_.per_address = 2;
  Open();
  const auto first = Connect();
  auto second = Connect();
  EXPECT_TRUE(first->ReadLine()->starts_with("220"));
  EXPECT_TRUE(second->ReadLine()->starts_with("220"));
  EXPECT_TRUE(Connect()->ReadLine()->starts_with("421 4.7.0"));
  second.reset();
  Eventually([&] { return metrics_.sessions_open.value() == 1; });
  EXPECT_TRUE(Connect()->ReadLine()->starts_with("220"));
}

TEST_F(SessionTest, T_A11_SlowClientsAreSentAwayHoweverTheyDribble) {
  settings_.timeouts.command = absl::Milliseconds(300);
  Open();
  client_ = Connect();
  EXPECT_TRUE(client_->ReadLine()->starts_with("220"));
  const absl::Time began = absl::Now();
  for (int i = 0; i < 200 && metrics_.timeouts.value() == 0; ++i) {
    (void)client_->Send("x");
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_LT(absl::Now() - began, absl::Seconds(2)) << "each byte must not buy more time";
  EXPECT_TRUE(client_->ReadLine()->starts_with("421 4.4.2"));
}

TEST_F(SessionTest, T_A11_AMessageThatNeverEndsIsCutOff) {
  settings_.timeouts.data_total = absl::Milliseconds(300);
  Open();
  Begin();
  for (int i = 0; i < 200 && metrics_.timeouts.value() == 0; ++i) {
    (void)client_->Send("x");
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(client_->ReadLine()->starts_with("421 4.4.2"));
  EXPECT_EQ(Received().size(), 0u);
}

TEST_F(SessionTest, DrainWaitsForTheMessageInHandAndThenSaysGoodbye) {
  Open();
  Begin();
  ASSERT_TRUE(client_->Send("Subject: x\r\n").ok());
  std::thread drain([&] { sessions_->Drain(absl::Now() + absl::Seconds(20)); });
  Eventually([&] { return sessions_->draining(); });
  EXPECT_EQ(Say(".\r\n").substr(0, 3), "250");
  drain.join();
  EXPECT_EQ(Say("NOOP\r\n").substr(0, 9), "421 4.3.2");
}

TEST_F(SessionTest, BigMessagesComeThroughWhole) {
  settings_.smtp.message = {.bytes = 10 << 20};
  Open();
  Begin();
  std::string message = "Subject: x\r\n\r\n";
  while (message.size() < 5 << 20) message += "line " + std::to_string(message.size()) + "\r\n";
  EXPECT_EQ(Say(message + ".\r\n").substr(0, 3), "250");
  EXPECT_TRUE(Body(Received()[0]).ends_with(message.substr(20)));
}

}  // namespace
}  // namespace cleanmail::ingress
