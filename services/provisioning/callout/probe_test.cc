#include "services/provisioning/callout/probe.h"

#include <map>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/dns/fake_resolver.h"
#include "libs/net/run_task.h"

namespace cleanmail::provisioning::callout {
namespace {

using ::testing::HasSubstr;

// A mailbox server that answers RCPT as told and keeps what it was sent. One connection at a time.
class Server {
 public:
  explicit Server(std::string greeting = "220 mx ESMTP") : greeting_(std::move(greeting)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 5), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string destination() const { return base::Cat("127.0.0.1:", port_); }
  std::map<std::string, std::string> answers;  // by recipient; else "250 Ok"
  std::string mail_answer = "250 Ok";
  std::string sent;  // read once the conversation is over

 private:
  void Run() {
    for (int fd = accept(listener_, nullptr, nullptr); fd >= 0;
         fd = accept(listener_, nullptr, nullptr)) {
      Say(fd, greeting_);
      std::string line;
      for (char c = 0; read(fd, &c, 1) == 1;) {
        line += c;
        if (c != '\n') continue;
        sent += line;
        Say(fd, AnswerTo(line));
        if (line.starts_with("QUIT")) break;
        line.clear();
      }
      close(fd);
    }
  }
  std::string AnswerTo(const std::string& line) const {
    if (line.starts_with("EHLO")) return "250-mx\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES";
    if (line.starts_with("MAIL")) return mail_answer;
    if (line.starts_with("QUIT")) return "221 Bye";
    if (!line.starts_with("RCPT")) return "250 Ok";
    const size_t begin = line.find('<') + 1;
    const auto it = answers.find(line.substr(begin, line.find('>') - begin));
    return it == answers.end() ? "250 2.1.5 Ok" : it->second;
  }
  static void Say(int fd, const std::string& text) {
    const std::string line = text + "\r\n";
    EXPECT_EQ(write(fd, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  const std::string greeting_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

class ProbeTest : public ::testing::Test {
 protected:
  ~ProbeTest() override { loops_->Stop(absl::Now() + absl::Seconds(1)); }
  Finding Ask(const std::string& destination, Question question = {}) {
    Prober prober(resolver_, *tls_, destinations_, {.host_name = "gateway.example"});
    question.domain = "example.org";
    if (!destination.empty()) question.route = {destination};
    if (question.address.empty()) question.address = "ann@example.org";
    Finding finding;
    net::RunTask(*loops_, [&](net::Loop& loop) -> net::Task<void> {
      finding = co_await prober.Ask(loop, question, absl::Now() + absl::Seconds(5));
    });
    return finding;
  }

  std::unique_ptr<net::Loops> loops_ = net::Loops::Create(1, 1);
  dns::FakeResolver resolver_;
  std::unique_ptr<net::TlsContext> tls_ = *net::TlsContext::Client(net::TlsContext::Verify::kNone);
  net::DestinationPolicy destinations_ = *net::DestinationPolicy::Create(
      {.allow_loopback = true, .forbidden_networks = {}, .allowed_networks = {}});
};

TEST_F(ProbeTest, E5_AsksWithoutSendingAMessage) {
  std::string sent;
  {
    Server server;
    const Finding finding = Ask(server.destination());
    EXPECT_EQ(finding.verdict.answer, Answer::kExists);
    EXPECT_THAT(finding.server, HasSubstr("[127.0.0.1]"));
    sent = server.sent;
  }
  EXPECT_THAT(sent, HasSubstr("MAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\n"));
  EXPECT_EQ(sent.find("DATA"), std::string::npos);
}

TEST_F(ProbeTest, E5_AnUnknownRecipientIsDeniedInTheDestinationsWords) {
  Server server;
  server.answers["ann@example.org"] = "550 5.1.1 who is that?";
  const Finding finding = Ask(server.destination());
  EXPECT_EQ(finding.verdict.answer, Answer::kDoesNotExist);
  EXPECT_EQ(finding.verdict.words, "550 5.1.1 who is that?");
}

TEST_F(ProbeTest, E5_ABareNoCountsOnlyWhileAKnownRecipientPassesOnTheSameConnection) {
  Server server;
  server.answers["ann@example.org"] = "550 no";
  EXPECT_EQ(Ask(server.destination(), {.known_good = "good@example.org"}).verdict.answer,
            Answer::kDoesNotExist);
  EXPECT_EQ(Ask(server.destination()).verdict.answer, Answer::kDoesNotExist) << "postmaster passes";
  server.answers["good@example.org"] = "550 no";
  const Finding finding = Ask(server.destination(), {.known_good = "good@example.org"});
  EXPECT_EQ(finding.verdict.answer, Answer::kUnknown);
  EXPECT_TRUE(finding.good_was_refused);
}

TEST_F(ProbeTest, ADestinationThatTakesAnAddressNobodyHasTakesAll) {
  Server server;
  EXPECT_TRUE(Ask(server.destination(), {.impossible = "no-such@example.org"}).accepts_all);
  server.answers["no-such@example.org"] = "550 5.1.1 no";
  EXPECT_FALSE(Ask(server.destination(), {.impossible = "no-such@example.org"}).accepts_all);
}

TEST_F(ProbeTest, E5_AGreeting554ARefusedSenderAndNoConnectionAreNotKnown) {
  {
    Server server("554 5.7.1 go away");
    EXPECT_EQ(Ask(server.destination()).verdict.answer, Answer::kUnknown);
  }
  {
    Server server;
    server.mail_answer = "550 5.1.1 no null senders";
    EXPECT_EQ(Ask(server.destination()).verdict.answer, Answer::kUnknown);
  }
  EXPECT_EQ(Ask("127.0.0.1:2").verdict.answer, Answer::kUnknown);
  EXPECT_EQ(Ask("").verdict.answer, Answer::kUnknown) << "no MX";
}

TEST_F(ProbeTest, TheAddressANameMeansNowIsWhatIsChecked) {
  destinations_ = net::DestinationPolicy();
  resolver_.SetA("mail.example.org", {"127.0.0.1", "169.254.169.254"});
  const Finding finding = Ask("mail.example.org:2525");
  EXPECT_EQ(finding.verdict.answer, Answer::kUnknown);
  EXPECT_THAT(finding.verdict.words, HasSubstr("may not be connected to"));
}

}  // namespace
}  // namespace cleanmail::provisioning::callout
