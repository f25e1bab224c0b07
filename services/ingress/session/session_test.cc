// Sessions over loopback, with fakes of bus, blobs and policy behind them.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "libs/base/clock.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/directory/directory.h"
#include "libs/dns/fake_resolver.h"
#include "libs/net/connection.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/listener.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/store/kv/memory_kv_store.h"
#include "libs/telemetry/log.h"
#include "libs/testing/dialogue.h"
#include "libs/testing/socket_transport.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "services/ingress/intake/received.h"
#include "services/ingress/session/fake_advisors.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {
namespace {

using mail::smtp::LineEnds;
using testing::Dialogue;
using testing::SocketTransport;

void AddDomain(directory::Directory& directory, const std::string& tenant,
               const std::string& domain, provisioning::v1::RecipientMode mode,
               std::vector<std::string> networks = {}) {
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/" + tenant);
  change.mutable_tenant()->set_name("tenants/" + tenant);
  for (const std::string& network : networks)
    change.mutable_tenant()->add_sending_networks(network);
  directory.Apply(change);
  change = {};
  change.set_name("tenants/" + tenant + "/domains/" + domain);
  change.mutable_domain()->set_name(change.name());
  change.mutable_domain()->set_recipient_mode(mode);
  directory.Apply(change);
}

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AddDomain(directory_, "acme", "example.org", provisioning::v1::RECIPIENT_MODE_ANY,
              {"127.0.0.0/8"});
    AddDomain(directory_, "other", "other.example",
              provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED);
    directory_.Complete();
    settings_.smtp.host_name = "mx.example.org";
    settings_.smtp.message = {
        .bytes = 100000, .line_bytes = 2000, .header_bytes = 20000, .header_fields = 100};
  }
  void TearDown() override {
    client_.reset();
    listener_.reset();
    loops_->Stop(absl::Now() + absl::Seconds(5));
  }

  void Open() {
    // What an earlier listener's sessions use must outlive them.
    client_.reset();
    listener_.reset();
    Eventually([&] { return metrics_.sessions_open.value() == 0; });
    for (size_t i = 0; i < loops_->size(); ++i) {
      absl::Notification passed;  // the last session's coroutine has been destroyed when its loop
                                  // does something else
      loops_->at(i).Post([&passed] { passed.Notify(); });
      passed.WaitForNotification();
    }
    intake_ = std::make_unique<Intake>(IntakeOptions{.host_name = "mx.example.org", .header = {}},
                                       blobs_, bus_, clock_, random_);
    limits_ = std::make_unique<net::ConnectionLimits>(limit_options_);
    dns_lists_ = std::make_unique<DnsLists>(dns_lists_to_ask_, resolver_);
    sessions_ = std::make_unique<Sessions>(
        settings_, SessionParts{*loops_, *limits_, directory_, policy_, scan_, recipient_check_,
                                lore_, resolver_, *dns_lists_, *intake_, bus_, clock_, random_,
                                *mail_log_, metrics_, greylist_, tarpit_, reputations_});
    auto listener = net::Listener::Open(
        *loops_, {.name = "mx", .address = "127.0.0.1:0", .proxy_from = proxy_from_},
        [this](std::unique_ptr<net::Connection> c) { sessions_->Take(std::move(c)); });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  std::unique_ptr<SocketTransport> Connect() {
    auto transport = SocketTransport::Connect(*loops_, listener_->port());
    EXPECT_TRUE(transport.ok()) << transport.status();
    return transport.ok() ? *std::move(transport) : nullptr;
  }
  // Sends lines and gives the last line of the reply to the last of them.
  std::string Say(const std::string& bytes, int replies = 1) {
    EXPECT_TRUE(client_->Send(bytes).ok());
    std::string last;
    for (int i = 0; i < replies; ++i) {
      do {
        const auto line = client_->ReadLine();
        if (!line.ok()) return std::string(line.status().message());
        last = *line;
      } while (last.size() > 3 && last[3] == '-');
    }
    return last;
  }
  void Greet() {
    client_ = Connect();
    EXPECT_EQ(Say("EHLO client.example\r\n", 2).substr(0, 3), "250");
  }
  // As a client of that address, by PROXY protocol.
  void GreetAs(const std::string& address) {
    client_ = Connect();
    ASSERT_TRUE(client_->Send("PROXY TCP4 " + address + " 127.0.0.1 1000 25\r\n").ok());
    EXPECT_EQ(Say("EHLO client.example\r\n", 2).substr(0, 3), "250");
  }
  void Begin(const std::string& recipient = "bob@example.org") {
    Greet();
    EXPECT_EQ(Say("MAIL FROM:<a@client.example>\r\nRCPT TO:<" + recipient + ">\r\nDATA\r\n", 3)
                  .substr(0, 3),
              "354");
  }
  std::vector<v1::MailReceived> Received() { return bus_.Events<v1::MailReceived>(); }
  std::string Body(const v1::MailReceived& event) {
    return *blobs_.Read({event.message().tenant(), event.message_id()});
  }
  // Polls until `condition` holds.
  template <class Condition>
  void Eventually(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!condition() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(2));
    EXPECT_TRUE(condition());
  }
  absl::Status Converse(const std::string& file) {
    std::ifstream in(file);
    auto dialogue = Dialogue::Parse(std::string(std::istreambuf_iterator<char>(in), {}));
    if (!dialogue.ok()) return dialogue.status();
    settings_.role = dialogue->listener == "smart_host" ? Role::kSmartHost : Role::kMx;
    settings_.smtp.line_ends =
        dialogue->listener == "smart_host" ? LineEnds::kRepair : LineEnds::kStrict;
    settings_.smtp.offer_starttls = dialogue->listener == "tls";
    settings_.smtp.offer_dsn = dialogue->listener == "smart_host";
    settings_.tls = dialogue->listener == "tls" ? &Tls() : nullptr;
    Open();
    const auto transport = Connect();
    return CarryOut(*dialogue, *transport);
  }
  const net::TlsContext& Tls() {
    if (tls_ == nullptr) {
      const char* folder = std::getenv("TEST_TMPDIR");
      tls_ = *net::TlsContext::Server({net::MakeFakeCertificate(folder, "mx", {"mx.example.org"})});
    }
    return *tls_;
  }

  base::SystemClock clock_;
  base::FakeRandom random_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<telemetry::Log> mail_log_ = telemetry::MakeNullLog();
  bus::FakeBus bus_;
  blob::FakeBlobStore blobs_;
  directory::Directory directory_;
  FakePolicy policy_;
  FakeMessageScan scan_;
  FakeRecipientCheck recipient_check_;
  FakeDestinationLore lore_;
  dns::FakeResolver resolver_;
  std::vector<DnsList> dns_lists_to_ask_;
  std::unique_ptr<DnsLists> dns_lists_;
  SessionSettings settings_;
  const Greylist* greylist_ = nullptr;
  Tarpit* tarpit_ = nullptr;
  const Reputations* reputations_ = nullptr;
  net::ConnectionLimits::Options limit_options_;
  std::vector<std::string> proxy_from_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<net::ConnectionLimits> limits_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<net::Loops> loops_ = net::Loops::Create(2, 2);
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<SocketTransport> client_;
};

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

// What is accepted says in the event what SPF said; RCPT is answered behind it.
std::string MailFrom(const std::string& sender) {
  return "MAIL FROM:<" + sender + ">\r\nRCPT TO:<bob@example.org>\r\n";
}

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
  const Reputations reputations(absl::Hours(1), *kv, clock);
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
  Eventually([&] { return remembered().good() > 0.9; });
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

}  // namespace
}  // namespace cleanmail::ingress
