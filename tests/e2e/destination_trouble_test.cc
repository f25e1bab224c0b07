// Mailbox servers that refuse, defer, hang, close or are away; names that cannot be looked up.
// Nothing is lost, nobody outside is told of an inbound failure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using sink::Sink;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// Each test has a domain and a mailbox server of its own behind one gateway.
class DestinationTrouble : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .egress = base::Cat(
            "  first_retry: 200ms\n  longest_retry: 500ms\n  smtp_port: ", outside_.port(),
            "\n  mx_may_be_private: true\n"
            "  timeouts: { connect: 2s, command: 1s, data_block: 2s, data_done: 2s }\n"),
        .dns = "forwarders: [127.0.0.1@9], timeout: 1s",  // nobody answers
        .listeners = "    - { name: out, listen: '127.0.0.1:0', role: smart_host }\n"});
    gateway_->AddTenant("acme", {"127.0.0.0/8"});
    gateway_->AddDomain("acme", "example.org");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  Sink& AddDomain(const std::string& domain, Sink::Mode mode) {
    Sink& sink = gateway_->AddSink();
    sink.SetMode(mode);
    gateway_->AddDomain("acme", domain, false, base::Cat("127.0.0.1:", sink.port()));
    return sink;
  }
  static void WaitForWords(const std::string& message, const std::string& words) {
    Gateway::WaitUntil([&] { return gateway_->Details(message).find(words) != std::string::npos; },
                       base::Cat("\"", words, "\" in the story"));
  }
  // Ids of what is sent through the smart host.
  static std::string SendOut(const std::string& sender, const std::string& recipient) {
    const auto outcomes = gateway_->Send({.sender = sender, .recipients = {recipient}},
                                         TextMail("going out"), false, "out");
    EXPECT_THAT(outcomes, SizeIs(1));
    if (outcomes.empty() || !outcomes[0].delivered()) {
      ADD_FAILURE() << "not taken: " << (outcomes.empty() ? "" : ToText(outcomes[0].reply));
      return "";
    }
    const std::string reply = ToText(outcomes[0].reply);
    return reply.substr(reply.rfind(' ') + 1);
  }

  static ReservedPort outside_;  // where the world's mailbox servers listen
  static std::unique_ptr<Gateway> gateway_;
};
ReservedPort DestinationTrouble::outside_;
std::unique_ptr<Gateway> DestinationTrouble::gateway_;

TEST_F(DestinationTrouble, T_A10_WhatIsRefusedInboundIsHeldAndNobodyIsTold) {
  Sink& sink = AddDomain("refuses.example", Sink::Mode::kRefuse);
  const auto ids = gateway_->Accept({"ann@refuses.example"}, TextMail("unwanted"),
                                    "sender@example.org");  // a domain we could bounce to
  const quarantine::v1::Hold hold = gateway_->Hold(ids[0]);
  EXPECT_EQ(hold.kind(), mail::v1::HOLD_KIND_UNDELIVERABLE);
  gateway_->WaitFor(ids[0], "refused");
  EXPECT_THAT(gateway_->Details(ids[0]), HasSubstr("No such mailbox"));
  EXPECT_EQ(gateway_->sink().count(), 0) << "a bounce";
  EXPECT_EQ(gateway_->Metric("cleanmail_egress_notices_total"), 0);

  sink.SetMode(Sink::Mode::kAccept);
  ASSERT_TRUE(gateway_->Release(ids[0]).ok());
  EXPECT_TRUE(sink.WaitFor(1, absl::Seconds(20)));
}

TEST_F(DestinationTrouble, E8_WhatIsDeferredTellsWhyAndArrivesAfterRecovery) {
  Sink& sink = AddDomain("defers.example", Sink::Mode::kDefer);
  const auto ids = gateway_->Accept({"ann@defers.example"}, TextMail("later"));
  WaitForWords(ids[0], "Mailbox server is being serviced");
  sink.SetMode(Sink::Mode::kDeferAtEnd);
  WaitForWords(ids[0], "Mailbox is full for now");
  EXPECT_EQ(sink.count(), 0);
  sink.SetMode(Sink::Mode::kAccept);
  ASSERT_TRUE(sink.WaitFor(1, absl::Seconds(20)));
  gateway_->WaitFor(ids[0], "delivered");
  EXPECT_EQ(sink.count(), 1);
}

TEST_F(DestinationTrouble, AServerThatHangsCostsATimeoutAndHoldsUpNobodyElse) {
  Sink& hanging = AddDomain("hangs.example", Sink::Mode::kHang);
  Sink& well = AddDomain("well.example", Sink::Mode::kAccept);
  const auto ids = gateway_->Accept({"ann@hangs.example"}, TextMail("slow"));
  gateway_->Accept({"ann@well.example"}, TextMail("fast"));
  ASSERT_TRUE(well.WaitFor(1, absl::Seconds(20)));
  gateway_->WaitFor(ids[0], "deferred");
  hanging.SetMode(Sink::Mode::kAccept);
  EXPECT_TRUE(hanging.WaitFor(1, absl::Seconds(20)));
}

TEST_F(DestinationTrouble, AConnectionLostInTheMessageMeansAgain) {
  Sink& sink = AddDomain("breaks.example", Sink::Mode::kCloseMidData);
  std::string text;
  while (text.size() < 200000) text += "A line of a mail that is long as a whole.\r\n";
  const std::string mail = TextMail("whole", text);
  const auto ids = gateway_->Accept({"ann@breaks.example"}, mail);
  gateway_->WaitFor(ids[0], "deferred");
  EXPECT_EQ(sink.count(), 0);
  sink.SetMode(Sink::Mode::kAccept);
  ASSERT_TRUE(sink.WaitFor(1, absl::Seconds(20)));
  EXPECT_EQ(WithoutTrace(sink.Mails()[0].content), mail);
}

TEST_F(DestinationTrouble, AnAnswerThatNeverCameMeansAgain) {
  Sink& sink = AddDomain("mute.example", Sink::Mode::kCloseUnacked);
  const auto ids = gateway_->Accept({"ann@mute.example"}, TextMail("perhaps twice"));
  gateway_->WaitFor(ids[0], "deferred");
  sink.SetMode(Sink::Mode::kAccept);
  EXPECT_TRUE(sink.WaitFor(1, absl::Seconds(20)));
}

TEST_F(DestinationTrouble, AServerThatIsAwayIsFoundWhenItIsBack) {
  ReservedPort port;
  gateway_->AddDomain("acme", "away.example", false, base::Cat("127.0.0.1:", port.port()));
  const auto ids = gateway_->Accept({"ann@away.example"}, TextMail("anyone there"));
  gateway_->WaitFor(ids[0], "deferred");
  EXPECT_THAT(gateway_->Details(ids[0]), HasSubstr("4.4.1"));
  port.Free();
  EXPECT_TRUE(gateway_->AddSink(port.port()).WaitFor(1, absl::Seconds(20)));
}

TEST_F(DestinationTrouble, T_E4_WithoutDnsMailWaits) {
  const std::string id = SendOut("ann@example.org", "bob@no-route.example");
  gateway_->WaitFor(id, "deferred");
  EXPECT_THAT(gateway_->Story(id), Not(Contains("refused")));
  EXPECT_THAT(gateway_->Details(id), HasSubstr("4.4.3"));
  Sink& sink = gateway_->AddSink();
  gateway_->AddDomain("acme", "no-route.example", false, base::Cat("127.0.0.1:", sink.port()));
  EXPECT_TRUE(sink.WaitFor(1, absl::Seconds(20))) << "a route set meanwhile is used";
}

TEST_F(DestinationTrouble, TheSenderOfOutboundMailGetsExactlyOneNotice) {
  outside_.Free();
  gateway_->AddSink(outside_.port()).SetMode(Sink::Mode::kRefuse);
  const int64_t before = gateway_->sink().count();
  const std::string id = SendOut("ann@example.org", "bob@[127.0.0.1]");
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(20)));
  const sink::Mail notice = gateway_->sink().Mails().back();
  EXPECT_EQ(notice.sender, "");
  EXPECT_THAT(notice.recipients, ElementsAre("ann@example.org"));
  EXPECT_THAT(notice.content,
              AllOf(HasSubstr("multipart/report"), HasSubstr("report-type=delivery-status"),
                    HasSubstr("message/delivery-status"), HasSubstr("Action: failed"),
                    HasSubstr("bob@[127.0.0.1]"), HasSubstr("5.1.1"),
                    HasSubstr("Subject: going out"), Not(HasSubstr("Hello."))));

  const std::string from_nobody = SendOut("", "bob@[127.0.0.1]");
  gateway_->WaitFor(from_nobody, "refused");
  gateway_->Accept({"ann@example.org"}, TextMail("after all that"));
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 2, absl::Seconds(20)));
  EXPECT_EQ(gateway_->sink().count(), before + 2) << "one notice and one mail";
  EXPECT_EQ(gateway_->Metric("cleanmail_egress_notices_total"), 1);
}

// RFC 3461
TEST_F(DestinationTrouble, ASenderIsToldWhatHeAskedForAndNothingElse) {
  Sink& there = AddDomain("asked.example", Sink::Mode::kAccept);
  const int64_t before = gateway_->sink().count();
  mail::smtp::Transaction asking{.sender = "ann@example.org",
                                 .recipients = {"bob@asked.example"},
                                 .envelope_id = "QQ314159",
                                 .recipient_parameters = {{
                                     .on_success = true,
                                     .original_recipient = "rfc822;robert@asked.example",
                                 }}};
  gateway_->Send(asking, TextMail("going out"), false, "out");
  ASSERT_TRUE(there.WaitFor(1, absl::Seconds(20)));
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(20)));
  EXPECT_THAT(gateway_->sink().Mails().back().content,
              AllOf(HasSubstr("Action: relayed"), HasSubstr("Original-Envelope-Id: QQ314159"),
                    HasSubstr("Original-Recipient: rfc822;robert@asked.example")));

  there.SetMode(Sink::Mode::kRefuse);
  asking.recipient_parameters[0] = {.never = true};
  const auto outcomes = gateway_->Send(asking, TextMail("going out"), false, "out");
  ASSERT_THAT(outcomes, SizeIs(1));
  const std::string reply = ToText(outcomes[0].reply);
  WaitForWords(reply.substr(reply.rfind(' ') + 1), "asked not to be told");
  EXPECT_EQ(gateway_->sink().count(), before + 1);
}

TEST_F(DestinationTrouble, WhatADestinationSaidItDoesNotTakeIsRefusedAtTheDoor) {
  Sink& there = gateway_->AddSink(0, 12 << 20);
  gateway_->AddDomain("acme", "small.example", false, base::Cat("127.0.0.1:", there.port()));
  mail::smtp::Transaction big{.sender = "eve@example.net",
                              .recipients = {"ann@small.example"},
                              .size = 13 << 20,
                              .recipients_only = true};
  auto outcomes = gateway_->Send(big, "");
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_TRUE(outcomes[0].reply.positive()) << "nobody has spoken to it yet";
  gateway_->Accept({"ann@small.example"}, TextMail("small"));
  ASSERT_TRUE(there.WaitFor(1, absl::Seconds(20)));
  outcomes = gateway_->Send(big, "");
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_THAT(ToText(outcomes[0].reply), HasSubstr("552 5.3.4 CMR-DST-SIZE"));
  big.size = 11 << 20;
  EXPECT_TRUE(gateway_->Send(big, "")[0].reply.positive());
}

TEST_F(DestinationTrouble, T_A8_NobodyRelaysThroughTheMxOrUsesAnothersDomain) {
  gateway_->AddTenant("other");
  gateway_->AddDomain("other", "other.example");
  const auto relayed = gateway_->Send(
      {.sender = "ann@example.org", .recipients = {"bob@outside.example"}}, TextMail("relay"));
  ASSERT_THAT(relayed, SizeIs(1));
  EXPECT_EQ(relayed[0].reply.code, 550);
  EXPECT_EQ(relayed[0].reply.enhanced, "5.7.1");
  const auto spoofed =
      gateway_->Send({.sender = "boss@other.example", .recipients = {"bob@outside.example"}},
                     TextMail("spoofed"), false, "out");
  ASSERT_THAT(spoofed, SizeIs(1));
  EXPECT_TRUE(spoofed[0].reply.permanent()) << ToText(spoofed[0].reply);
}

}  // namespace
}  // namespace cleanmail::e2e
