// Conversations with a mailbox server on loopback.
#include "services/egress/delivery/session.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/net/listener.h"
#include "libs/net/run_task.h"
#include "libs/testing/mail_room.h"

namespace cleanmail::egress {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  void TearDown() override {
    listener_.reset();
    loops_->Stop(absl::Now() + absl::Seconds(5));
  }

  // A server that notes who has connected.
  void Listen() {
    auto listener = net::Listener::Open(
        *loops_, {.name = "there", .address = "127.0.0.1:0"},
        [this](std::unique_ptr<net::Connection> connection) {
          net::Loop& loop = connection->loop();
          net::Spawn(loop, [this, connection = std::move(connection)]() mutable {
            return Serve(std::move(connection));
          });
        });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  net::Task<void> Serve(std::unique_ptr<net::Connection> connection) {
    {
      const absl::MutexLock lock(&mutex_);
      peer_ = connection->peer().address.ToString();
    }
    testing::MailRoom room({.host_name = "there.example", .offer_dsn = true});
    std::string out = room.Take("");
    while (!room.closed()) {
      const absl::Time deadline = absl::Now() + absl::Seconds(5);
      if (!(co_await connection->Write(out, deadline)).ok()) co_return;
      const absl::StatusOr<std::string_view> bytes = co_await connection->ReadSome(deadline);
      if (!bytes.ok() || bytes->empty()) co_return;
      out = room.Take(*bytes);
    }
  }
  Session::Opened Open(const SessionOptions& options) {
    const Target target{
        .host = "there.example",
        .endpoint = {.address = *net::IpAddress::Parse("127.0.0.1"), .port = listener_->port()}};
    Session::Opened opened;
    net::RunTask(*loops_, [&](net::Loop& loop) -> net::Task<void> {
      opened = co_await Session::Open(loop, target, options, *tls_);
      if (opened.session != nullptr) {
        notifies_ = opened.session->extensions().dsn;
        co_await opened.session->Quit();
        opened.session.reset();
      }
    });
    return opened;
  }
  static SessionOptions From(const std::string& address) {
    const std::vector<std::string> one = {address};
    return {.host_name = "us.example", .timeouts = {}, .sources = *net::Sources::Create(one, one)};
  }
  std::string peer() {
    const absl::MutexLock lock(&mutex_);
    return peer_;
  }

  std::unique_ptr<net::Loops> loops_ = net::Loops::Create(2, 2);
  std::unique_ptr<net::TlsContext> tls_ = *net::TlsContext::Client(net::TlsContext::Verify::kNone);
  std::unique_ptr<net::Listener> listener_;
  bool notifies_ = false;
  absl::Mutex mutex_;
  std::string peer_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(SessionTest, ComesFromTheSourceAddress) {
  Listen();
  Open(From("127.0.0.2"));
  EXPECT_EQ(peer(), "127.0.0.2");
  EXPECT_TRUE(notifies_);
  Open({.host_name = "us.example", .timeouts = {}});
  EXPECT_EQ(peer(), "127.0.0.1") << "the system's choice";
}

TEST_F(SessionTest, AnAddressThatIsNotOursIsSaidAndNotReplaced) {
  Listen();
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    const Session::Opened opened = Open(From(address));
    EXPECT_EQ(opened.failure.reply.code, 451) << address;
    EXPECT_NE(opened.failure.reply.text.find("source address"), std::string::npos)
        << opened.failure.reply.text;
  }
  EXPECT_EQ(peer(), "");
}

}  // namespace
}  // namespace cleanmail::egress
