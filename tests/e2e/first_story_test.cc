// The story of the quick start: a clean mail arrives, spam is held, what is held is released by one
// call and arrives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FirstStory : public ::testing::Test {
 protected:
  FirstStory() {
    gateway_.AddTenant("acme");
    gateway_.AddDomain("acme", "example.org");
  }
  Gateway gateway_;
};

TEST_F(FirstStory, ACleanMailArrivesAsItWasSent) {
  const std::string mail = TextMail("hello", ".a line with a dot\r\n..two dots\r\n.");
  const auto ids = gateway_.Accept({"ann@example.org"}, mail);
  ASSERT_TRUE(gateway_.sink().WaitFor(1, absl::Seconds(20)));
  const auto mails = gateway_.sink().Mails();
  EXPECT_EQ(mails[0].sender, "eve@example.net");
  EXPECT_THAT(mails[0].recipients, ElementsAre("ann@example.org"));
  EXPECT_EQ(WithoutTrace(mails[0].content), mail);
  EXPECT_THAT(mails[0].content, HasSubstr(ids[0]));
  EXPECT_THAT(mails[0].content, HasSubstr("[127.0.0.1]"));
  Gateway::WaitUntil([&] { return gateway_.Story(ids[0]).size() == 4; }, "the whole story");
  EXPECT_THAT(gateway_.Story(ids[0]), ElementsAre("received", "scanned", "disposed", "delivered"));
}

TEST_F(FirstStory, SpamIsHeldAndReleasedByOneCall) {
  const std::string mail = GtubeMail();
  const auto ids = gateway_.Accept({"ann@example.org", "bob@example.org"}, mail);
  const quarantine::v1::Hold hold = gateway_.Hold(ids[0]);
  EXPECT_EQ(hold.kind(), mail::v1::HOLD_KIND_SPAM);
  EXPECT_EQ(hold.rule(), "standard/score-at-least-5.0");
  EXPECT_EQ(gateway_.sink().count(), 0);

  ASSERT_TRUE(gateway_.Release(ids[0], {"bob@example.org"}).ok());
  ASSERT_TRUE(gateway_.sink().WaitFor(1, absl::Seconds(20)));
  EXPECT_THAT(gateway_.sink().Mails()[0].recipients, ElementsAre("bob@example.org"));
  EXPECT_EQ(WithoutTrace(gateway_.sink().Mails()[0].content), mail);

  ASSERT_TRUE(gateway_.Release(ids[0]).ok());
  ASSERT_TRUE(gateway_.Release(ids[0]).ok());
  ASSERT_TRUE(gateway_.sink().WaitFor(2, absl::Seconds(20)));
  EXPECT_THAT(gateway_.sink().Mails()[1].recipients, ElementsAre("ann@example.org"));
  Gateway::WaitUntil(
      [&] {
        const quarantine::v1::Hold now = gateway_.Hold(ids[0]);
        return now.recipients(0).state() == quarantine::v1::HOLD_STATE_DELIVERED &&
               now.recipients(1).state() == quarantine::v1::HOLD_STATE_DELIVERED;
      },
      "the hold to learn that both were delivered");
  EXPECT_THAT(gateway_.Holds(), IsEmpty());
  EXPECT_EQ(gateway_.sink().count(), 2);
}

TEST_F(FirstStory, FiftyRecipientsOfTwoTenantsBecomeTwoMessagesThatKnowOnlyTheirOwn) {
  gateway_.AddTenant("other");
  gateway_.AddDomain("other", "example.com");
  std::vector<std::string> recipients;
  for (int i = 0; i < 25; ++i) {
    recipients.push_back(base::Cat("u", i, "@example.org"));
    recipients.push_back(base::Cat("u", i, "@example.com"));
  }
  const std::string mail = TextMail("to all");
  EXPECT_THAT(gateway_.Accept(recipients, mail), SizeIs(2));
  ASSERT_TRUE(gateway_.sink().WaitFor(2, absl::Seconds(20)));
  for (const sink::Mail& arrived : gateway_.sink().Mails()) {
    ASSERT_THAT(arrived.recipients, SizeIs(25));
    const std::string domain = arrived.recipients[0].substr(arrived.recipients[0].find('@'));
    const std::string other = domain == "@example.org" ? "@example.com" : "@example.org";
    for (const std::string& recipient : arrived.recipients)
      EXPECT_THAT(recipient, HasSubstr(domain));
    EXPECT_EQ(WithoutTrace(arrived.content), mail);
    const std::string trace = arrived.content.substr(0, arrived.content.size() - mail.size());
    EXPECT_EQ(trace.find(other), std::string::npos)
        << "the copy names a recipient of the other tenant";
    EXPECT_EQ(trace.find("for <"), std::string::npos)
        << "a Received line names one of several recipients: " << trace;
  }
}

TEST_F(FirstStory, BdatAndSmtpUtf8) {
  gateway_.AddDomain("acme", "bücher.example");
  const std::string mail = "From: <ève@example.net>\r\nSubject: Grüße\r\n\r\nÄ.\r\n";
  const auto outcomes = gateway_.Send({.sender = "ève@example.net",
                                       .recipients = {"jürgen@bücher.example"},
                                       .smtp_utf8 = true,
                                       .eight_bit = true},
                                      mail, true);
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_TRUE(outcomes[0].delivered()) << ToText(outcomes[0].reply);
  ASSERT_TRUE(gateway_.sink().WaitFor(1, absl::Seconds(20)));
  EXPECT_EQ(WithoutTrace(gateway_.sink().Mails()[0].content), mail);
  EXPECT_EQ(gateway_.sink().Mails()[0].sender, "ève@example.net");
}

TEST_F(FirstStory, B1_RecipientsThatDoNotExistAreRefusedInSession) {
  gateway_.AddDomain("acme", "strict.example", true);
  gateway_.AddUser("acme", "ann@strict.example", {"info@strict.example"});
  const auto outcomes = gateway_.Send(
      {.sender = "eve@example.net",
       .recipients = {"ann@strict.example", "INFO@strict.example", "nobody@strict.example",
                      "postmaster@strict.example", "abuse@strict.example", "x@elsewhere.example"}},
      TextMail("who is there"));
  ASSERT_THAT(outcomes, SizeIs(6));
  EXPECT_TRUE(outcomes[0].delivered());
  EXPECT_TRUE(outcomes[1].delivered());
  EXPECT_EQ(outcomes[2].reply.code, 550);
  EXPECT_EQ(outcomes[2].reply.enhanced, "5.1.1");
  EXPECT_TRUE(outcomes[3].delivered());
  EXPECT_TRUE(outcomes[4].delivered());
  EXPECT_EQ(outcomes[5].reply.code, 550);
  EXPECT_EQ(outcomes[5].reply.enhanced, "5.7.1");
}

TEST_F(FirstStory, ARestartForgetsNothing) {
  gateway_.sink().SetMode(sink::Sink::Mode::kDefer);
  const auto deferred = gateway_.Accept({"ann@example.org"}, TextMail("later"));
  const auto held = gateway_.Accept({"ann@example.org"}, GtubeMail());
  (void)gateway_.Hold(held[0]);
  gateway_.WaitFor(deferred[0], "deferred");
  gateway_.Restart();
  gateway_.sink().SetMode(sink::Sink::Mode::kAccept);
  ASSERT_TRUE(gateway_.sink().WaitFor(1, absl::Seconds(20)));
  ASSERT_TRUE(gateway_.Release(held[0]).ok());
  ASSERT_TRUE(gateway_.sink().WaitFor(2, absl::Seconds(20)));
  EXPECT_EQ(gateway_.sink().count(), 2);
}

}  // namespace
}  // namespace cleanmail::e2e
