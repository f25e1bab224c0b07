// What happens at the door: TLS, injected commands, forged PROXY headers, floods, messages too
// large, control characters, and every dialogue of tests/dialogues against the whole gateway.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "libs/base/cat.h"
#include "libs/net/fake_certificate.h"
#include "libs/testing/dialogue.h"
#include "libs/testing/socket_transport.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using testing::CarryOut;
using ::testing::Contains;
using testing::Dialogue;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::SocketTransport;
using ::testing::StartsWith;

constexpr int kSessionsPerAddress = 10;

class Door : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* folder = std::getenv("TEST_TMPDIR");
    const auto files = net::MakeFakeCertificate(folder, "mx", {"mx.example.org"});
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .egress = "  first_retry: 200ms\n  longest_retry: 1s\n",
        .ingress =
            base::Cat("  limits: { message_bytes: 100000, message_line_bytes: 2000, header_bytes: "
                      "20000, header_fields: 100, sessions_per_address: ",
                      kSessionsPerAddress, " }\n"),
        .host_name = "mx.example.org",
        .listeners = base::Cat(
            "    - { name: tls, listen: '127.0.0.1:0', role: mx, certificates: [{ chain_file: '",
            files.chain_file, "', key_file: '", files.key_file, "' }] }\n",
            "    - { name: smart_host, listen: '127.0.0.1:0', role: smart_host }\n",
            "    - { name: proxied, listen: '127.0.0.1:0', role: mx, proxy_from: [127.0.0.1/32] "
            "}\n")});
    gateway_->AddTenant("acme", {"127.0.0.0/8"});
    gateway_->AddDomain("acme", "example.org", true);
    for (const char* user : {"bob", "carol", "\xf0\x9f\x90\x9d", "f\xc3\xbcr-alle"})
      gateway_->AddUser("acme", base::Cat(user, "@example.org"));
    gateway_->AddDomain("acme", "open.example");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  static std::unique_ptr<SocketTransport> Connect(const std::string& listener = "mx") {
    auto transport = SocketTransport::Connect(gateway_->loops(), gateway_->port(listener));
    EXPECT_TRUE(transport.ok()) << transport.status();
    return transport.ok() ? *std::move(transport) : nullptr;
  }
  // Sends bytes and reads one whole reply; its last line.
  static std::string Say(SocketTransport& transport, const std::string& bytes) {
    EXPECT_TRUE(transport.Send(bytes).ok());
    for (;;) {
      const auto line = transport.ReadLine();
      if (!line.ok()) return std::string(line.status().message());
      if (line->size() < 4 || (*line)[3] != '-') return *line;
    }
  }
  // The id in "250 2.0.0 Ok: queued as ID".
  static std::string IdIn(const std::string& reply) {
    EXPECT_THAT(reply, StartsWith("250 2.0.0 Ok: queued as "));
    return reply.substr(reply.rfind(' ') + 1);
  }
  static std::string SendOver(SocketTransport& transport, const std::string& mail) {
    EXPECT_THAT(Say(transport, "MAIL FROM:<a@client.example>\r\n"), StartsWith("250"));
    EXPECT_THAT(Say(transport, "RCPT TO:<bob@example.org>\r\n"), StartsWith("250"));
    EXPECT_THAT(Say(transport, "DATA\r\n"), StartsWith("354"));
    return IdIn(Say(transport, mail + ".\r\n"));
  }
  static std::string DetailsOf(const std::string& id) {
    gateway_->WaitFor(id, "delivered");
    gateway_->WaitFor(id, "scanned");
    return gateway_->Details(id);
  }

  static std::unique_ptr<Gateway> gateway_;
};
std::unique_ptr<Gateway> Door::gateway_;

TEST_F(Door, SwaksDeliversOverStartTls) {
  const int64_t before = gateway_->sink().count();
  const std::string output = base::Cat(std::getenv("TEST_TMPDIR"), "/swaks.out");
  const std::string command = base::Cat(
      "swaks --tls --server 127.0.0.1 --port ", gateway_->port("tls"),
      " --from a@client.example --to bob@example.org --helo client.example --h-Subject over-tls "
      "--timeout 20 > ",
      output, " 2>&1");
  const int status = std::system(command.c_str());
  std::ifstream said(output);
  EXPECT_EQ(WEXITSTATUS(status), 0) << std::string(std::istreambuf_iterator<char>(said), {});
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(20)));
  const sink::Mail mail = gateway_->sink().Mails().back();
  EXPECT_THAT(mail.content, HasSubstr("Subject: over-tls"));
  EXPECT_THAT(mail.content, HasSubstr("with ESMTPS id"));
}

TEST_F(Door, T_A3_WhatIsSentBehindStartTlsInTheClearIsNotHeard) {
  const auto transport = Connect("tls");
  EXPECT_THAT(Say(*transport, ""), StartsWith("220"));
  EXPECT_THAT(Say(*transport, "EHLO client.example\r\n"), StartsWith("250"));
  EXPECT_THAT(Say(*transport,
                  "STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<injected@client.example>\r\n"),
              StartsWith("220"));
  ASSERT_TRUE(transport->StartTls().ok());
  EXPECT_THAT(Say(*transport, "RCPT TO:<bob@example.org>\r\n"), StartsWith("503"))
      << "the injected MAIL took effect";
  EXPECT_THAT(Say(*transport, "EHLO client.example\r\n"), StartsWith("250"));
  const std::string details =
      DetailsOf(SendOver(*transport, "Subject: after the handshake\r\n\r\nx\r\n"));
  EXPECT_THAT(details, HasSubstr("client.example"));
  EXPECT_THAT(details, Not(HasSubstr("injected")));
  EXPECT_THAT(details, HasSubstr("TLS"));
}

TEST_F(Door, T_A9_AProxyHeaderIsBelievedFromConfiguredPeersOnly) {
  const std::string header = "PROXY TCP4 198.51.100.7 192.0.2.1 1000 25\r\n";
  const auto stranger = Connect("mx");
  EXPECT_THAT(Say(*stranger, ""), StartsWith("220"));
  EXPECT_THAT(Say(*stranger, header), StartsWith("5"));
  EXPECT_THAT(Say(*stranger, "EHLO client.example\r\n"), StartsWith("250"));
  EXPECT_THAT(DetailsOf(SendOver(*stranger, "Subject: forged\r\n\r\nx\r\n")),
              HasSubstr("[127.0.0.1]"));

  const auto trusted = Connect("proxied");
  EXPECT_THAT(Say(*trusted, header), StartsWith("220"));
  EXPECT_THAT(Say(*trusted, "EHLO client.example\r\n"), StartsWith("250"));
  EXPECT_THAT(DetailsOf(SendOver(*trusted, "Subject: proxied\r\n\r\nx\r\n")),
              HasSubstr("[198.51.100.7]"));

  const auto nobody = Connect("proxied");
  EXPECT_FALSE(nobody->Send("EHLO client.example\r\n").ok() && nobody->ReadLine().ok())
      << "a configured peer without its header";
}

TEST_F(Door, T_A11_OneAddressHasItsShareOfSessionsAndGetsItBack) {
  const auto connect = [](int host) {
    auto transport = Connect("proxied");
    const std::string greeting =
        Say(*transport, base::Cat("PROXY TCP4 198.51.100.", host, " 192.0.2.1 1000 25\r\n"));
    return std::pair(std::move(transport), greeting);
  };
  std::vector<std::unique_ptr<SocketTransport>> open;
  for (int i = 0; i < kSessionsPerAddress; ++i) {
    auto [transport, greeting] = connect(20);
    EXPECT_THAT(greeting, StartsWith("220"));
    open.push_back(std::move(transport));
  }
  EXPECT_THAT(connect(20).second, StartsWith("421 4.7.0"));
  EXPECT_THAT(connect(21).second, StartsWith("220")) << "others go on";
  open.clear();
  Gateway::WaitUntil([&] { return connect(20).second.starts_with("220"); },
                     "a session once the others have gone");
}

TEST_F(Door, T_A6_TooLargeIsRefusedAtMailAndWhileItComes) {
  const int64_t before = gateway_->sink().count();
  const double kept = gateway_->Metric("cleanmail_ingress_messages_total");
  const auto transport = Connect();
  EXPECT_THAT(Say(*transport, ""), StartsWith("220"));
  EXPECT_THAT(Say(*transport, "EHLO client.example\r\n"), StartsWith("250"));
  EXPECT_THAT(Say(*transport, "MAIL FROM:<a@client.example> SIZE=200000\r\n"),
              StartsWith("552 5.3.4"));
  EXPECT_THAT(Say(*transport, "MAIL FROM:<a@client.example>\r\n"), StartsWith("250"));
  EXPECT_THAT(Say(*transport, "RCPT TO:<bob@example.org>\r\n"), StartsWith("250"));
  EXPECT_THAT(Say(*transport, "DATA\r\n"), StartsWith("354"));
  std::string mail = "Subject: large\r\n\r\n";
  while (mail.size() < 150000) mail += std::string(70, 'x') + "\r\n";
  EXPECT_THAT(Say(*transport, mail + ".\r\n"), StartsWith("552 5.3.4"));
  EXPECT_EQ(gateway_->Metric("cleanmail_ingress_messages_total"), kept);
  SendOver(*transport, "Subject: the session goes on\r\n\r\nx\r\n");
  ASSERT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(20)));
  EXPECT_EQ(gateway_->sink().count(), before + 1);
}

TEST_F(Door, T_A12_ControlCharactersBreakNeitherMailLogNorTrace) {
  const auto transport = Connect();
  EXPECT_THAT(Say(*transport, ""), StartsWith("220"));
  Say(*transport, "EHLO evil\x1b[31m\x07\"}\x01.example\r\n");
  EXPECT_THAT(Say(*transport, "HELO client.example\r\n"), StartsWith("250"));
  Say(*transport, "MAIL FROM:<\"a\\\x08\"@client.example>\r\n");
  Say(*transport, "RSET\r\n");
  const std::string id = SendOver(
      *transport,
      "Subject: =?utf-8?q?one=0D=0A{=22event=22:=22forged=22}=1B[2J?= \x1b]0;t\x07 \x7f\"\r\n"
      "\r\nx\r\n");
  const std::string details = DetailsOf(id);
  const std::string subject = gateway_->Trace(id)->subject();
  for (const char c : base::Cat(subject, details)) {
    EXPECT_TRUE(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f))
        << static_cast<int>(c);
  }
  EXPECT_EQ(subject.find('\n'), std::string::npos);
  Say(*transport, "QUIT\r\n");
  Gateway::WaitUntil([&] { return ::testing::Value(gateway_->MailLog(), Contains(HasSubstr(id))); },
                     "the message in the mail log");
  for (const std::string& line : gateway_->MailLog()) {
    const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(parsed.is_object()) << line;
    EXPECT_FALSE(parsed.empty()) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
    EXPECT_NE(parsed.value("event", ""), "forged") << line;
  }
}

TEST_F(Door, EveryDialogueHolds) {
  int dialogues = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/dialogues")) {
    if (entry.path().extension() != ".txt") continue;
    SCOPED_TRACE(entry.path().filename());
    std::ifstream in(entry.path());
    const auto dialogue = Dialogue::Parse(std::string(std::istreambuf_iterator<char>(in), {}));
    ASSERT_TRUE(dialogue.ok()) << dialogue.status();
    const auto transport = Connect(dialogue->listener);
    EXPECT_EQ(CarryOut(*dialogue, *transport), absl::OkStatus());
    ++dialogues;
  }
  EXPECT_GE(dialogues, 15);
}

}  // namespace
}  // namespace cleanmail::e2e
