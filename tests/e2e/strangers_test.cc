// What is remembered of clients nobody knows, and how they are made to wait. They come from public
// addresses, which a proxy in front names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/testing/socket_transport.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::SocketTransport;
using ::testing::StartsWith;

class Strangers : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .ingress = "  door:\n"
                   "    greylisting: { delay: 1s, pass_networks: [5.6.7.0/24] }\n"
                   "    tarpit: { free_errors: 1, first: 1s, longest: 1s }\n",
        .listeners = "    - { name: proxied, listen: '127.0.0.1:0', role: mx, proxy_from: "
                     "[127.0.0.1/32] }\n"});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  // Sends bytes and reads one whole reply; its last line.
  static std::string Say(SocketTransport& transport, const std::string& bytes) {
    EXPECT_TRUE(transport.Send(bytes).ok());
    for (;;) {
      const auto line = transport.ReadLine();
      if (!line.ok()) return std::string(line.status().message());
      if (line->size() < 4 || (*line)[3] != '-') return *line;
    }
  }
  static std::unique_ptr<SocketTransport> ConnectAs(const std::string& client) {
    auto transport = SocketTransport::Connect(gateway_->loops(), gateway_->port("proxied"));
    EXPECT_TRUE(transport.ok()) << transport.status();
    if (!transport.ok()) return nullptr;
    EXPECT_THAT(Say(**transport, base::Cat("PROXY TCP4 ", client, " 192.0.2.1 1000 25\r\n")),
                StartsWith("220"));
    EXPECT_THAT(Say(**transport, "EHLO client.example\r\n"), StartsWith("250"));
    return *std::move(transport);
  }
  // The answer to a recipient of ours.
  static std::string AskFor(SocketTransport& transport, const std::string& sender) {
    EXPECT_THAT(Say(transport, base::Cat("MAIL FROM:<", sender, ">\r\n")), StartsWith("250"));
    return Say(transport, "RCPT TO:<ann@example.org>\r\n");
  }
  // Details of the message that was sent.
  static std::string Send(const std::string& client, const std::string& mail) {
    const auto transport = ConnectAs(client);
    EXPECT_THAT(AskFor(*transport, "eve@example.net"), StartsWith("250"));
    EXPECT_THAT(Say(*transport, "DATA\r\n"), StartsWith("354"));
    const std::string reply = Say(*transport, mail + "\r\n.\r\n");
    EXPECT_THAT(reply, StartsWith("250"));
    const std::string id = reply.substr(reply.rfind(' ') + 1);
    gateway_->WaitFor(id, "scanned");
    return gateway_->Details(id);
  }

  static std::unique_ptr<Gateway> gateway_;
};
std::unique_ptr<Gateway> Strangers::gateway_;

TEST_F(Strangers, WhoSendsSpamIsKnownForItOnHisNextMail) {
  constexpr int kEnough = 6;
  for (int i = 0; i < kEnough; ++i)
    EXPECT_THAT(Send("5.6.7.8", GtubeMail()), Not(HasSubstr("REPUTATION_")));
  EXPECT_THAT(Send("5.6.7.8", TextMail("hello")), HasSubstr("REPUTATION_BAD"));
  EXPECT_THAT(Send("5.6.7.9", TextMail("hello")), Not(HasSubstr("REPUTATION_")));
  EXPECT_EQ(gateway_->Metric("cleanmail_ingress_session_scans_total"), 0)
      << "no sender waited for that";
}

TEST_F(Strangers, AStrangerIsAskedToComeAgainAndIsTakenWhenHeDoes) {
  EXPECT_THAT(AskFor(*ConnectAs("5.6.8.1"), "a@client.example"),
              StartsWith("451 4.7.1 CMR-GRY-LATER"));
  Gateway::WaitUntil(
      [] { return AskFor(*ConnectAs("5.6.8.2"), "a@client.example").starts_with("250"); },
      "the retry, by another server of his network");
  EXPECT_THAT(AskFor(*ConnectAs("5.6.9.1"), "a@client.example"), StartsWith("451"));
}

TEST_F(Strangers, WhoErrsAgainAndAgainWaitsForHisAnswers) {
  const auto transport = ConnectAs("5.6.7.10");
  const double before = gateway_->Metric("cleanmail_ingress_tarpit_delays_total");
  EXPECT_THAT(Say(*transport, "NONSENSE\r\n"), StartsWith("5"));
  const absl::Time began = absl::Now();
  EXPECT_THAT(Say(*transport, "NONSENSE\r\n"), StartsWith("5"));
  EXPECT_GE(absl::Now() - began, absl::Seconds(1));
  EXPECT_THAT(Say(*transport, "NOOP\r\n"), StartsWith("250"));
  EXPECT_EQ(gateway_->Metric("cleanmail_ingress_tarpit_delays_total"), before + 1);
}

}  // namespace
}  // namespace cleanmail::e2e
