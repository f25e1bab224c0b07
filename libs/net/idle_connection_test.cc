// What an idle connection holds; a program of its own, so that memory others have freed does not
// hide it.
#include <atomic>
#include <cstdlib>
#include <fstream>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/net/connection.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/listener.h"
#include "libs/net/run_task.h"

namespace cleanmail::net {
namespace {

using ConnectionPointer = std::unique_ptr<Connection>;

// Sanitizers add their own; there only the paths are run.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kPlainBar = 1'000'000;
constexpr int64_t kTlsBar = 1'000'000;
#else
constexpr int64_t kPlainBar = 8'000;  // the bar of 20,000 includes a session's state
constexpr int64_t kTlsBar = 30'000;   // the bar of 40,000 includes a session's state
#endif

absl::Time Soon() { return absl::Now() + absl::Minutes(5); }

template <class Coroutine>
ConnectionHandler Handle(Coroutine coroutine) {
  return [coroutine](ConnectionPointer connection) {
    Loop& loop = connection->loop();
    Spawn(loop, [coroutine, connection = std::move(connection)]() mutable {
      return coroutine(std::move(connection));
    });
  };
}

std::unique_ptr<Listener> Listen(Loops& loops, ConnectionHandler handler) {
  return *Listener::Open(loops, {.name = "test", .address = "127.0.0.1:0"}, std::move(handler));
}

int64_t ResidentBytes() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  in >> size >> resident;
  return resident * 4096;
}

TEST(IdleConnection, AnIdlePlainConnectionHoldsLittle) {
  const auto loops = Loops::Create(2, 1);
  constexpr int kConnections = 2000;
  std::atomic<int> waiting{0};
  const auto listener = Listen(*loops, Handle([&](ConnectionPointer connection) -> Task<void> {
    co_await connection->Write("220 hello\r\n", Soon());
    ++waiting;
    co_await connection->ReadSome(Soon());
  }));
  std::vector<int> clients;
  const auto open = [&](int count) {
    const int until = waiting + count;
    for (int i = 0; i < count; ++i) {
      clients.push_back(socket(AF_INET, SOCK_STREAM, 0));
      sockaddr_in to{.sin_family = AF_INET,
                     .sin_port = htons(listener->port()),
                     .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                     .sin_zero = {}};
      ASSERT_EQ(connect(clients.back(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0)
          << strerror(errno);
    }
    while (waiting < until) absl::SleepFor(absl::Milliseconds(1));
  };
  rlimit files{.rlim_cur = 8192, .rlim_max = 8192};
  setrlimit(RLIMIT_NOFILE, &files);
  open(50);  // what is there once
  const int64_t before = ResidentBytes();
  open(kConnections);
  const int64_t each = (ResidentBytes() - before) / kConnections;
  RecordProperty("bytes_each", std::to_string(each));
  EXPECT_LT(each, kPlainBar);
  for (const int fd : clients) close(fd);
}

TEST(IdleConnection, AnIdleTlsConnectionHoldsLittle) {
  const auto loops = Loops::Create(2, 1);
  constexpr int kConnections = 500;
  const auto server =
      *TlsContext::Server({MakeFakeCertificate(std::getenv("TEST_TMPDIR"), "idle", {"a.example"})});
  const auto client = *TlsContext::Client(TlsContext::Verify::kNone);
  const auto listener = Listen(*loops, Handle([&](ConnectionPointer connection) -> Task<void> {
    if ((co_await connection->StartTlsServer(*server, Soon())).ok()) {
      const absl::StatusOr<std::string_view> bytes = co_await connection->ReadSome(Soon());
      if (!bytes.ok()) co_return;
      const std::string copy(*bytes);
      co_await connection->Write(copy, Soon());
      co_await connection->ReadSome(Soon());
    }
  }));
  rlimit files{.rlim_cur = 8192, .rlim_max = 8192};
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<ConnectionPointer> clients;
  int64_t before = 0;
  RunTask(*loops, [&](Loop& loop) -> Task<void> {
    for (int i = 0; i < kConnections + 20; ++i) {
      if (i == 20) before = ResidentBytes();
      auto connected = co_await Connect(
          loop, *Endpoint::Parse(base::Cat("127.0.0.1:", listener->port())), Soon());
      CLEANMAIL_CHECK(connected.ok(), connected.status().ToString());
      clients.push_back(*std::move(connected));
      EXPECT_TRUE((co_await clients.back()->StartTlsClient(*client, "a.example", Soon())).ok());
      EXPECT_TRUE((co_await clients.back()->Write("hello", Soon())).ok());
      EXPECT_EQ(*co_await clients.back()->ReadSome(Soon()), "hello");
    }
  });
  const int64_t each = (ResidentBytes() - before) / (2 * kConnections);  // both ends are ours
  RecordProperty("bytes_each", std::to_string(each));
  EXPECT_LT(each, kTlsBar);
  loops->Stop(Soon());
}

}  // namespace
}  // namespace cleanmail::net
