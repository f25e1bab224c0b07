// Who really sent a message: what is refused while he waits, and what the recipient is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/cli/cli.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kRecords[] =
    "records_only: true, records: ["
    "'here.example. 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"', "
    "'elsewhere.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"', "
    "'_dmarc.bank.example. 300 IN TXT \"v=DMARC1; p=reject\"']";

class Authentication : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .ingress = "  spf: { enforced_domains: [elsewhere.example, here.example] }\n",
        .dns = kRecords});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  static std::string MailFrom(const std::string& author) {
    return base::Cat("From: <", author, ">\r\nSubject: hello\r\n\r\nHi.\r\n");
  }
  static std::string ReplyTo(const std::string& sender, const std::string& content) {
    const auto outcomes =
        gateway_->Send({.sender = sender, .recipients = {"ann@example.org"}}, content);
    return outcomes.empty() ? "" : ToText(outcomes[0].reply);
  }
  static std::unique_ptr<Gateway> gateway_;
};
std::unique_ptr<Gateway> Authentication::gateway_;

TEST_F(Authentication, E3_AForgedSenderOfAnEnforcedDomainIsRefusedInSession) {
  EXPECT_EQ(ReplyTo("a@elsewhere.example", MailFrom("a@elsewhere.example")),
            "550 5.7.23 CMR-SPF-FORGED Forged sender domain from this server");
  EXPECT_THAT(ReplyTo("a@here.example", MailFrom("a@here.example")), StartsWith("250"));
}

TEST_F(Authentication, TheRecipientIsToldAndForgedResultsAreGone) {
  const size_t before = gateway_->sink().Mails().size();
  gateway_->Accept({"ann@example.org"},
                   base::Cat("Authentication-Results: gateway.example; dmarc=pass\r\n",
                             MailFrom("a@here.example")),
                   "a@here.example");
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(30)));
  const std::string arrived = gateway_->sink().Mails().back().content;
  EXPECT_THAT(arrived, StartsWith("Authentication-Results: gateway.example;\r\n\tspf=pass"));
  EXPECT_EQ(arrived.find("dmarc=pass"), std::string::npos) << arrived;
}

TEST_F(Authentication, BehindADomainsOwnGatewayTheClientBeforeItIsJudged) {
  gateway_->AddDomain("acme", "behind.example");
  const auto relays = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"cleanmail", "domains", "relays", "acme", "behind.example"});
    words.insert(words.end(), {"--socket", gateway_->api_socket()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return cli::Run(static_cast<int>(arguments.size()), arguments.data());
  };
  // 192.0.2.1 may send for elsewhere.example, whose SPF is enforced; 127.0.0.1 may not.
  const std::string mail = base::Cat(
      "Received: from out.elsewhere.example (out.elsewhere.example [192.0.2.1])\r\n by "
      "gateway.behind.example; Sun, 22 Nov 2026 10:00:00 +0000\r\n",
      MailFrom("a@elsewhere.example"));
  const auto reply = [&] {
    const auto outcomes = gateway_->Send(
        {.sender = "a@elsewhere.example", .recipients = {"ann@behind.example"}}, mail);
    return outcomes.empty() ? "" : ToText(outcomes[0].reply);
  };
  EXPECT_THAT(reply(), StartsWith("550 5.7.23"));
  const size_t before = gateway_->sink().Mails().size();
  EXPECT_EQ(relays({"127.0.0.0/8"}), 0);
  Gateway::WaitUntil([&] { return reply().starts_with("250"); }, "the relay is believed");
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(30)));
  EXPECT_THAT(gateway_->sink().Mails().back().content,
              StartsWith("Authentication-Results: gateway.example;\r\n\tspf=pass"));
  EXPECT_EQ(relays({}), 0);
  Gateway::WaitUntil([&] { return reply().starts_with("550"); }, "it is believed no longer");
}

TEST_F(Authentication, APolicyOfRejectionIsARuleThatHoldsInSession) {
  const std::string forged = MailFrom("ceo@bank.example");
  EXPECT_THAT(ReplyTo("eve@example.net", forged), StartsWith("250")) << "no rule yet";
  EXPECT_EQ(gateway_->Metric("cleanmail_ingress_session_scans_total"), 0)
      << "nobody waits for a scan that cannot refuse";
  gateway_->SetPolicy("acme", "standard",
                      "rules { id: 'dmarc' conditions { finding: 'DMARC_REJECT' } "
                      "actions { refuse { text: 'Your own domain asks for this' } } }");
  std::string reply;
  Gateway::WaitUntil(
      [&] {
        reply = ReplyTo("eve@example.net", forged);
        return reply.starts_with("5");
      },
      "the rule in force");
  EXPECT_EQ(reply, "550 5.7.1 CMR-POL-RULE Your own domain asks for this");
  EXPECT_GE(gateway_->Metric("cleanmail_ingress_session_scans_total"), 1);
}

}  // namespace
}  // namespace cleanmail::e2e
