#include "libs/net/connection.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/listener.h"
#include "libs/net/run_task.h"

namespace cleanmail::net {
namespace {

using ConnectionPointer = std::unique_ptr<Connection>;

absl::Time In(absl::Duration duration) { return absl::Now() + duration; }
absl::Time Soon() { return In(absl::Seconds(20)); }

std::string TemporaryFolder() { return std::getenv("TEST_TMPDIR"); }

// Sends back what comes until the peer ends.
Task<void> Echo(ConnectionPointer connection) {
  while (true) {
    const absl::StatusOr<std::string_view> bytes = co_await connection->ReadSome(Soon());
    if (!bytes.ok() || bytes->empty()) co_return;
    const std::string copy(*bytes);
    if (!(co_await connection->Write(copy, Soon())).ok()) co_return;
  }
}

template <class Coroutine>
ConnectionHandler Handle(Coroutine coroutine) {
  return [coroutine](ConnectionPointer connection) {
    Loop& loop = connection->loop();
    Spawn(loop, [coroutine, connection = std::move(connection)]() mutable {
      return coroutine(std::move(connection));
    });
  };
}

// Reads until `count` bytes are there or an error or the end.
Task<std::string> Read(Connection& connection, size_t count) {
  std::string all;
  while (all.size() < count) {
    const absl::StatusOr<std::string_view> bytes = co_await connection.ReadSome(Soon());
    if (!bytes.ok()) co_return all + "|" + std::string(base::View(bytes.status().message()));
    if (bytes->empty()) co_return all + "|end";
    all += *bytes;
  }
  co_return all;
}

class ConnectionTest : public ::testing::Test {
 protected:
  std::unique_ptr<Listener> Listen(ConnectionHandler handler,
                                   std::vector<std::string> proxy_from = {}) {
    auto listener = Listener::Open(*loops_,
                                   {.name = "test",
                                    .address = "127.0.0.1:0",
                                    .proxy_from = std::move(proxy_from),
                                    .proxy_deadline = absl::Milliseconds(200)},
                                   std::move(handler));
    EXPECT_TRUE(listener.ok()) << listener.status();
    return *std::move(listener);
  }
  static Task<ConnectionPointer> To(Loop& loop, const Listener& listener) {
    auto connection = co_await Connect(
        loop, {.address = *IpAddress::Parse("127.0.0.1"), .port = listener.port()}, Soon());
    CLEANMAIL_CHECK(connection.ok(), connection.status().ToString());
    co_return *std::move(connection);
  }
  std::unique_ptr<Loops> loops_ = Loops::Create(2, 2);
};

TEST_F(ConnectionTest, BytesGoBothWays) {
  const auto listener = Listen(Handle(&Echo));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    EXPECT_TRUE((co_await connection->Write("hello", Soon())).ok());
    EXPECT_EQ(co_await Read(*connection, 5), "hello");
    EXPECT_EQ(connection->peer().port, listener->port());
    EXPECT_EQ(connection->local().address.ToString(), "127.0.0.1");
  });
}

Task<void> SendEightMiB(ConnectionPointer connection) {
  const std::string block(8 << 20, 'x');
  EXPECT_TRUE((co_await connection->Write(block, Soon())).ok());
}

TEST_F(ConnectionTest, MoreThanTheKernelBuffersIsWrittenWhole) {
  const auto listener = Listen(Handle(&SendEightMiB));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    const std::string all = co_await Read(*connection, 9 << 20);
    EXPECT_EQ(all.size(), (8u << 20) + 4);
    EXPECT_EQ(all.substr(8 << 20), "|end");
  });
}

TEST_F(ConnectionTest, ASilentPeerEndsAtTheDeadlineAndTheConnectionIsStillGood) {
  const auto listener = Listen(Handle(&Echo));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    for (int i = 0; i < 2; ++i) {
      const absl::Time began = absl::Now();
      const auto bytes = co_await connection->ReadSome(In(absl::Milliseconds(30)));
      EXPECT_EQ(bytes.status().code(), absl::StatusCode::kDeadlineExceeded);
      EXPECT_GE(absl::Now() - began, absl::Milliseconds(29));
    }
    EXPECT_TRUE((co_await connection->Write("x", Soon())).ok());
    EXPECT_EQ(co_await Read(*connection, 1), "x");
  });
}

TEST_F(ConnectionTest, APassedDeadlineStillEndsAWait) {
  const auto listener = Listen(Handle(&Echo));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    EXPECT_EQ((co_await connection->ReadSome(In(absl::Seconds(-1)))).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  });
}

TEST_F(ConnectionTest, T_A11_APeerThatDoesNotReadEndsAtTheDeadline) {
  absl::Notification ended;
  const auto listener = Listen(Handle([&ended](ConnectionPointer connection) -> Task<void> {
    const std::string block(64 << 20, 'x');
    EXPECT_EQ((co_await connection->Write(block, In(absl::Milliseconds(50)))).code(),
              absl::StatusCode::kDeadlineExceeded);
    ended.Notify();
  }));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    co_await OnPool(*loops_, loop,
                    [&] { return ended.WaitForNotificationWithTimeout(absl::Seconds(20)); });
  });
  EXPECT_TRUE(ended.HasBeenNotified());
}

TEST_F(ConnectionTest, CloseWakesWhoeverWaits) {
  const auto listener = Listen(Handle(&Echo));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    loop.Post([&] { connection->Close(); });
    EXPECT_EQ((co_await connection->ReadSome(Soon())).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ((co_await connection->Write("x", Soon())).code(), absl::StatusCode::kCancelled);
  });
}

TEST_F(ConnectionTest, ClosingAllEndsEverySession) {
  const auto listener = Listen(Handle(&Echo));
  std::vector<ConnectionPointer> kept;
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      kept.push_back(co_await To(loop, *listener));
      EXPECT_TRUE((co_await kept.back()->Write("x", Soon())).ok());
      EXPECT_EQ(co_await Read(*kept.back(), 1), "x");
    }
  });
  listener->Close();
  const absl::Time began = absl::Now();
  loops_->Stop(Soon());
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
  EXPECT_EQ(loops_->spawned(), 0);
}

TEST_F(ConnectionTest, ARefusedConnectSaysSo) {
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const auto connection = co_await Connect(loop, *Endpoint::Parse("127.0.0.1:1"), Soon());
    EXPECT_EQ(connection.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(connection.status().ToString().find("127.0.0.1:1: Connection refused"),
              std::string::npos)
        << connection.status();
  });
}

TEST_F(ConnectionTest, WhatNeverEndsIsDestroyedWithTheLoops) {
  bool destroyed = false;
  struct Mark {
    explicit Mark(bool* f) : flag(f) {}
    ~Mark() { *flag = true; }
    bool* flag;
  };
  Loop& loop = loops_->Next();
  absl::Notification begun;
  Spawn(loop, [&]() -> Task<void> {
    const Mark mark(&destroyed);
    begun.Notify();
    co_await Sleep(loop, absl::Hours(1));
  });
  begun.WaitForNotification();
  loops_->Stop(absl::Now());
  EXPECT_TRUE(destroyed);
}

TEST_F(ConnectionTest, TlsStartsOnAPlainConnectionAndNamesItsCipher) {
  const auto server =
      *TlsContext::Server({MakeFakeCertificate(TemporaryFolder(), "a", {"a.example"})});
  const auto client = *TlsContext::Client(TlsContext::Verify::kNone);
  const auto listener = Listen(Handle([&](ConnectionPointer connection) -> Task<void> {
    co_await connection->Write("plain", Soon());
    const absl::Status started = co_await connection->StartTlsServer(*server, Soon());
    EXPECT_TRUE(started.ok()) << started;
    co_await Echo(std::move(connection));
  }));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    EXPECT_EQ(co_await Read(*connection, 5), "plain");
    EXPECT_EQ(connection->tls(), "");
    const absl::Status started = co_await connection->StartTlsClient(*client, "a.example", Soon());
    EXPECT_TRUE(started.ok()) << started;
    EXPECT_EQ(connection->tls(), "TLSv1.3 TLS_AES_256_GCM_SHA384");
    EXPECT_FALSE(connection->tls_verified());
    const std::string block(300'000, 'y');
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE((co_await connection->Write(block, Soon())).ok());
      EXPECT_EQ(co_await Read(*connection, block.size()), block);
    }
  });
}

TEST_F(ConnectionTest, ASilentTlsClientEndsAtTheDeadline) {
  const auto server =
      *TlsContext::Server({MakeFakeCertificate(TemporaryFolder(), "silent", {"a.example"})});
  absl::Status started;
  absl::Notification ended;
  const auto listener = Listen(Handle([&](ConnectionPointer connection) -> Task<void> {
    started = co_await connection->StartTlsServer(*server, In(absl::Milliseconds(30)));
    ended.Notify();
  }));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    co_await OnPool(*loops_, loop,
                    [&] { return ended.WaitForNotificationWithTimeout(absl::Seconds(20)); });
  });
  EXPECT_EQ(started.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ConnectionTest, BytesThatAreNotTlsFailTheHandshakeWithTheReason) {
  const auto server =
      *TlsContext::Server({MakeFakeCertificate(TemporaryFolder(), "bytes", {"a.example"})});
  absl::Status started;
  absl::Notification ended;
  const auto listener = Listen(Handle([&](ConnectionPointer connection) -> Task<void> {
    started = co_await connection->StartTlsServer(*server, Soon());
    ended.Notify();
  }));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    co_await connection->Write("EHLO this is not TLS at all\r\n", Soon());
    co_await OnPool(*loops_, loop,
                    [&] { return ended.WaitForNotificationWithTimeout(absl::Seconds(20)); });
  });
  EXPECT_EQ(started.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(started.ToString().find("TLS handshake: "), std::string::npos) << started;
}

class SniTest : public ConnectionTest {
 protected:
  // Whether a client that trusts only `ca` and asks for `host` is content.
  bool Accepts(const Listener& listener, const std::string& ca, const std::string& host) {
    const auto client = *TlsContext::Client(TlsContext::Verify::kRequire, ca);
    bool accepted = false;
    RunTask(*loops_, [&](Loop& loop) -> Task<void> {
      const ConnectionPointer connection = co_await To(loop, listener);
      const absl::Status started = co_await connection->StartTlsClient(*client, host, Soon());
      accepted = started.ok() && connection->tls_verified();
    });
    return accepted;
  }
  std::unique_ptr<Listener> Serve(const TlsContext& context) {
    return Listen(Handle([&context](ConnectionPointer connection) -> Task<void> {
      if ((co_await connection->StartTlsServer(context, Soon())).ok())
        co_await Echo(std::move(connection));
    }));
  }
};

TEST_F(SniTest, TheCertificateIsChosenByTheNameAsked) {
  const CertificateFiles a =
      MakeFakeCertificate(TemporaryFolder(), "sni_a", {"a.example", "www.a.example"});
  const CertificateFiles b =
      MakeFakeCertificate(TemporaryFolder(), "sni_b", {"b.example", "*.b.example"});
  const auto context = *TlsContext::Server({a, b});
  const auto listener = Serve(*context);
  EXPECT_TRUE(Accepts(*listener, a.chain_file, "a.example"));
  EXPECT_TRUE(Accepts(*listener, a.chain_file, "www.A.example"));
  EXPECT_TRUE(Accepts(*listener, b.chain_file, "b.example"));
  EXPECT_TRUE(Accepts(*listener, b.chain_file, "mx.b.example"));
  EXPECT_FALSE(Accepts(*listener, b.chain_file, "a.example"));
  EXPECT_FALSE(Accepts(*listener, a.chain_file, "unknown.example"));
}

TEST_F(SniTest, AChangedCertificateIsTakenWithoutRestartAndABrokenOneIsNot) {
  const CertificateFiles files = MakeFakeCertificate(TemporaryFolder(), "reload", {"old.example"});
  const auto context = *TlsContext::Server({files});
  const auto listener = Serve(*context);
  EXPECT_TRUE(Accepts(*listener, files.chain_file, "old.example"));
  EXPECT_FALSE(*context->ReloadIfChanged());

  MakeFakeCertificate(TemporaryFolder(), "reload", {"new.example"});
  EXPECT_TRUE(*context->ReloadIfChanged());
  EXPECT_TRUE(Accepts(*listener, files.chain_file, "new.example"));

  const std::string good = TemporaryFolder() + "/good.pem";
  ASSERT_EQ(rename(files.chain_file.c_str(), good.c_str()), 0);
  const absl::Status broken = context->ReloadIfChanged().status();
  EXPECT_NE(broken.ToString().find("reload.pem: No such file"), std::string::npos) << broken;
  EXPECT_TRUE(Accepts(*listener, good, "new.example"));
}

TEST_F(SniTest, AClientThatVerifiesWantsAName) {
  const CertificateFiles a = MakeFakeCertificate(TemporaryFolder(), "noname", {"a.example"});
  const auto context = *TlsContext::Server({a});
  const auto listener = Serve(*context);
  EXPECT_FALSE(Accepts(*listener, a.chain_file, ""));
  EXPECT_FALSE(Accepts(*listener, a.chain_file, "127.0.0.1"));
}

TEST_F(SniTest, AKeyOfAnotherCertificateIsNamed) {
  const CertificateFiles a = MakeFakeCertificate(TemporaryFolder(), "key_a", {"a.example"});
  const CertificateFiles b = MakeFakeCertificate(TemporaryFolder(), "key_b", {"b.example"});
  const absl::Status status = TlsContext::Server({{a.chain_file, b.key_file}}).status();
  EXPECT_NE(status.ToString().find("key_b.key"), std::string::npos) << status;
  EXPECT_FALSE(TlsContext::Server({{b.key_file, b.key_file}}).ok());
  EXPECT_FALSE(TlsContext::Server({}).ok());
}

Task<void> SayWho(ConnectionPointer connection) {
  const std::string peer = connection->peer().ToString() + "\n";
  co_await connection->Write(peer, Soon());
  co_await Echo(std::move(connection));
}

TEST_F(ConnectionTest, T_A9_AConfiguredProxySaysWhoConnectsAndTheRestIsLeft) {
  const auto listener = Listen(Handle(&SayWho), {"127.0.0.0/8"});
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    co_await connection->Write("PROXY TCP4 192.0.2.7 ", Soon());
    co_await Sleep(loop, absl::Milliseconds(20));
    co_await connection->Write("198.51.100.1 12345 25\r\nEHLO", Soon());
    EXPECT_EQ(co_await Read(*connection, 20), "192.0.2.7:12345\nEHLO");
  });
}

TEST_F(ConnectionTest, T_A9_AnotherPeersHeaderIsJustItsFirstBytes) {
  const auto listener = Listen(Handle(&SayWho), {"10.0.0.0/8"});
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer connection = co_await To(loop, *listener);
    co_await connection->Write("PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n", Soon());
    const std::string seen = co_await Read(*connection, 60);
    EXPECT_EQ(seen.substr(0, 10), "127.0.0.1:");
    EXPECT_NE(seen.find("\nPROXY TCP4 192.0.2.7"), std::string::npos);
  });
}

TEST_F(ConnectionTest, T_A9_AConfiguredProxyWithoutAHeaderIsClosed) {
  const auto listener = Listen(Handle(&SayWho), {"127.0.0.0/8"});
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const ConnectionPointer wrong = co_await To(loop, *listener);
    co_await wrong->Write("EHLO x\r\n", Soon());
    EXPECT_EQ((co_await Read(*wrong, 1)).substr(0, 1), "|");
    const ConnectionPointer silent = co_await To(loop, *listener);
    EXPECT_EQ((co_await Read(*silent, 1)).substr(0, 1), "|");
  });
}

TEST_F(ConnectionTest, AClosedListenerRefusesAndATakenPortIsExplained) {
  const auto listener = Listen(Handle(&Echo));
  const std::string address = base::Cat("127.0.0.1:", listener->port());
  const absl::Status taken =
      Listener::Open(*loops_, {.name = "mx", .address = address, .proxy_from = {}}, Handle(&Echo))
          .status();
  EXPECT_NE(taken.ToString().find("listener \"mx\" cannot listen at " + address), std::string::npos)
      << taken;
  EXPECT_NE(taken.ToString().find("ss -ltnp"), std::string::npos) << taken;
  listener->Close();
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    const auto connection = co_await Connect(loop, *Endpoint::Parse(address), Soon());
    EXPECT_EQ(connection.status().code(), absl::StatusCode::kUnavailable);
  });
}

TEST_F(ConnectionTest, T_A11_WithoutFreeDescriptorsTheListenerWaitsAndRecovers) {
  const auto listener = Listen(Handle(&Echo));
  RunTask(*loops_, [&](Loop& loop) -> Task<void> {
    std::vector<int> filling;
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const rlimit few{.rlim_cur = static_cast<rlim_t>(client) + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = dup(0); fd >= 0; fd = dup(0)) filling.push_back(fd);
    Connection connection(loop, client, {}, {});
    sockaddr_in to{.sin_family = AF_INET,
                   .sin_port = htons(listener->port()),
                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
    connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to);
    EXPECT_EQ((co_await connection.ReadSome(In(absl::Milliseconds(150)))).status().code(),
              absl::StatusCode::kDeadlineExceeded);
    for (const int fd : filling) close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE((co_await connection.Write("back", Soon())).ok());
    EXPECT_EQ(co_await Read(connection, 4), "back");
  });
}

}  // namespace
}  // namespace cleanmail::net
