#include "libs/dns/unbound_resolver.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::dns {
namespace {

// A bound UDP socket that never answers; its port is free for nobody else.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{.sin_family = AF_INET,
                        .sin_port = 0,
                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                        .sin_zero = {}};
    socklen_t length = sizeof address;
    bind(fd_, reinterpret_cast<sockaddr*>(&address), length);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { Close(); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  std::string forwarder() const { return base::Cat("127.0.0.1@", port_); }
  int port() const { return port_; }

 private:
  int fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

absl::StatusOr<Answer> Ask(Resolver& resolver, const std::string& name, Type type,
                           absl::Duration wait = absl::Seconds(10)) {
  absl::Notification answered;
  absl::StatusOr<Answer> answer;
  resolver.Lookup({.name = name, .type = type}, absl::Now() + wait, [&](absl::StatusOr<Answer> a) {
    answer = std::move(a);
    answered.Notify();
  });
  answered.WaitForNotification();
  return answer;
}

// A real unbound on loopback with a zone of its own.
class UnboundResolverTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // The port is free when it is chosen; when another program was faster, the next is tried.
    for (int attempt = 0; attempt < 5 && !StartOnSomePort(); ++attempt) StopDaemon();
  }

  static bool StartOnSomePort() {
    SilentServer placeholder;
    const int port = placeholder.port();
    placeholder.Close();
    const std::string conf = std::string(std::getenv("TEST_TMPDIR")) + "/unbound.conf";
    std::ofstream(conf)
        << "server:\n  interface: 127.0.0.1@" << port
        << "\n  username: \"\"\n  chroot: \"\"\n  directory: \"\"\n  pidfile: \"\"\n  use-syslog: "
           "no\n  do-daemonize: no\n"
           "  num-threads: 1\n  module-config: \"iterator\"\n  access-control: 127.0.0.0/8 allow\n"
           "  local-zone: \"test.\" static\n"
           "  local-data: \"a.test. 300 IN A 192.0.2.1\"\n  local-data: \"a.test. 300 IN A "
           "192.0.2.2\"\n"
           "  local-data: \"a.test. 300 IN AAAA 2001:db8::1\"\n"
           "  local-data: \"m.test. 300 IN MX 20 MX2.test.\"\n  local-data: \"m.test. 300 IN MX 10 "
           "mx1.test.\"\n"
           "  local-data: \"null.test. 300 IN MX 0 .\"\n"
           "  local-data: 't.test. 300 IN TXT \"v=spf1 \" \"-all\"'\n"
           "  local-data: \"odd.test. 300 IN PTR bad\\032name.test.\"\n"
           "remote-control:\n  control-enable: no\n";
    daemon_ = fork();
    if (daemon_ == 0) {
      execl("/usr/sbin/unbound", "unbound", "-d", "-c", conf.c_str(), nullptr);
      _exit(127);
    }
    const absl::Time deadline = absl::Now() + absl::Seconds(5);
    while (absl::Now() < deadline) {
      // A fresh one each time: a resolver remembers a server that was not there.
      resolver_ = UnboundResolver::Create(
                      {.forwarders = {base::Cat("127.0.0.1@", port)}, .trust_anchor_file = {}})
                      ->release();
      if (Ask(*resolver_, "a.test", Type::kA, absl::Milliseconds(300)).ok()) return true;
      delete resolver_;
      resolver_ = nullptr;
    }
    return false;
  }

  static void StopDaemon() {
    kill(daemon_, SIGTERM);
    waitpid(daemon_, nullptr, 0);
  }
  void SetUp() override { ASSERT_NE(resolver_, nullptr) << "unbound did not start"; }
  static void TearDownTestSuite() {
    delete resolver_;
    StopDaemon();
  }
  static pid_t daemon_;
  static UnboundResolver* resolver_;
};
pid_t UnboundResolverTest::daemon_ = -1;
UnboundResolver* UnboundResolverTest::resolver_ = nullptr;

TEST_F(UnboundResolverTest, AnswersAddresses) {
  const auto a = Ask(*resolver_, "a.test", Type::kA);
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(a->addresses.size(), 2u);
  EXPECT_GT(a->ttl, absl::ZeroDuration());
  EXPECT_FALSE(a->secure);
  EXPECT_EQ(Ask(*resolver_, "a.test", Type::kAaaa)->addresses,
            std::vector<std::string>{"2001:db8::1"});
}

TEST_F(UnboundResolverTest, AnswersMxByPreferenceInLowerCase) {
  const auto mx = Ask(*resolver_, "m.test", Type::kMx);
  ASSERT_TRUE(mx.ok()) << mx.status();
  ASSERT_EQ(mx->mx.size(), 2u);
  EXPECT_EQ(mx->mx[0].exchange, "mx1.test");
  EXPECT_EQ(mx->mx[1].exchange, "mx2.test");
  EXPECT_EQ(Ask(*resolver_, "null.test", Type::kMx)->mx[0].exchange, "");
}

TEST_F(UnboundResolverTest, JoinsTheStringsOfAText) {
  EXPECT_EQ(Ask(*resolver_, "t.test", Type::kTxt)->texts, std::vector<std::string>{"v=spf1 -all"});
}

TEST_F(UnboundResolverTest, TellsMissingNamesAndRecordsFromFailures) {
  EXPECT_EQ(Ask(*resolver_, "none.test", Type::kA).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Ask(*resolver_, "a.test", Type::kMx).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Ask(*resolver_, "not a name", Type::kA).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(UnboundResolverTest, AHostNameNoHostCanHaveIsLeftOut) {
  const auto names = Ask(*resolver_, "odd.test", Type::kPtr);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_TRUE(names->names.empty());
}

TEST(UnboundResolver, ASilentServerEndsAtTheDeadline) {
  const SilentServer silent;
  const auto resolver =
      *UnboundResolver::Create({.forwarders = {silent.forwarder()}, .trust_anchor_file = {}});
  const absl::Time began = absl::Now();
  EXPECT_EQ(Ask(*resolver, "a.test", Type::kA, absl::Milliseconds(100)).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - began, absl::Seconds(3));
}

TEST(UnboundResolver, AQuestionEndsAtItsTimeoutThoughTheDeadlineIsLater) {
  const SilentServer silent;
  const auto resolver = *UnboundResolver::Create({.forwarders = {silent.forwarder()},
                                                  .trust_anchor_file = {},
                                                  .timeout = absl::Milliseconds(100)});
  const absl::Time began = absl::Now();
  EXPECT_EQ(Ask(*resolver, "a.test", Type::kA, absl::Hours(1)).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - began, absl::Seconds(3));
}

TEST(UnboundResolver, ItsEndAnswersWhatIsStillAsked) {
  const SilentServer silent;
  auto resolver =
      *UnboundResolver::Create({.forwarders = {silent.forwarder()}, .trust_anchor_file = {}});
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    resolver->Lookup({.name = base::Cat("a", i, ".test")}, absl::Now() + absl::Hours(1),
                     [&](absl::StatusOr<Answer> answer) {
                       EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
                       ++answered;
                     });
  }
  resolver.reset();
  EXPECT_EQ(answered, 10);
}

TEST(UnboundResolver, QuestionsAtOnceAreBounded) {
  const SilentServer silent;
  const auto resolver = *UnboundResolver::Create(
      {.forwarders = {silent.forwarder()}, .trust_anchor_file = {}, .most_questions = 1});
  resolver->Lookup({.name = "a.test"}, absl::Now() + absl::Hours(1), [](auto) {});
  EXPECT_EQ(Ask(*resolver, "b.test", Type::kA, absl::Hours(1)).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(UnboundResolver, RecordsOfItsOwnAreAnsweredAndWithoutServersNothingElseExists) {
  auto resolver = UnboundResolver::Create(
      {.forwarders = {},
       .records = {"host.example. 300 IN A 192.0.2.7", "example. 300 IN TXT \"v=spf1 -all\""},
       .records_only = true});
  ASSERT_TRUE(resolver.ok()) << resolver.status();
  EXPECT_EQ(Ask(**resolver, "host.example", Type::kA)->addresses,
            std::vector<std::string>{"192.0.2.7"});
  EXPECT_EQ(Ask(**resolver, "example", Type::kTxt)->texts, std::vector<std::string>{"v=spf1 -all"});
  EXPECT_TRUE(absl::IsNotFound(Ask(**resolver, "host.example", Type::kMx).status()));
  EXPECT_TRUE(absl::IsNotFound(Ask(**resolver, "elsewhere.example", Type::kA).status()));
  EXPECT_TRUE(absl::IsNotFound(Ask(**resolver, "a.test", Type::kA).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      UnboundResolver::Create({.forwarders = {}, .records = {"nonsense"}}).status()));
}

TEST(UnboundResolver, AForwarderThatIsNoneIsNamed) {
  const absl::Status status =
      UnboundResolver::Create({.forwarders = {"dns.example"}, .trust_anchor_file = {}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.ToString().find("dns.example"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::dns
