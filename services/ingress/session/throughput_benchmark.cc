// How many messages the sessions take with nothing behind them: `throughput_benchmark [messages]
// [bytes] [connections]`. The clients are a second process; what is told is this process's time.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/directory/directory.h"
#include "libs/dns/fake_resolver.h"
#include "libs/net/connection.h"
#include "libs/net/listener.h"
#include "libs/telemetry/log.h"
#include "services/ingress/session/fake_advisors.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {
namespace {

// A bus and a store that keep nothing.
class NoBus final : public bus::Bus {
 public:
  void Publish(bus::Publication, absl::AnyInvocable<void(absl::Status) &&> done) override {
    std::move(done)(absl::OkStatus());
  }
  absl::StatusOr<std::unique_ptr<bus::Subscription>> Subscribe(bus::SubscriptionOptions,
                                                               bus::BatchHandler) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::unique_ptr<bus::Subscription>> Follow(
      std::string_view, int64_t, absl::AnyInvocable<void(bus::Change)>) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<int64_t> NewestPosition(std::string_view) override { return -1; }
  absl::Status Accepting() override { return absl::OkStatus(); }
};

class NoStore final : public blob::BlobStore {
  class NoWriter final : public blob::Writer {
   public:
    bool Append(std::string_view, absl::AnyInvocable<void() &&>) override { return true; }
    void Finish(absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<blob::Finished>>) &&> done)
        override {
      std::move(done)(std::unique_ptr<blob::Finished>());
    }
  };

 public:
  absl::StatusOr<std::unique_ptr<blob::Writer>> Create(const blob::BlobName&) override {
    return std::make_unique<NoWriter>();
  }
  absl::StatusOr<std::string> Read(const blob::BlobName&) override {
    return absl::NotFoundError("");
  }
  absl::Status Extend(const blob::BlobName&, std::string_view, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status Forget(const blob::BlobName&) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> Sweep() override { return 0; }
};

void SendMessages(uint16_t port, int count, const std::string& message) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::abort();
  char buffer[4096];
  const auto until = [&](std::string_view end) {
    std::string text;
    while (text.find(end) == std::string::npos) {
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) std::abort();
      text.append(buffer, static_cast<size_t>(got));
    }
  };
  const auto say = [&](std::string_view bytes) {
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  };
  until("220 ");
  say("EHLO client.example\r\n");
  until("250 ");
  for (int i = 0; i < count; ++i) {
    say("MAIL FROM:<a@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n");
    until("354 ");
    say(message);
    until("250 2.0.0");
  }
  close(fd);
}

int Main(int messages, int bytes, int connections) {
  int pipes[2];
  if (pipe(pipes) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    uint16_t port = 0;
    if (read(pipes[0], &port, sizeof port) != sizeof port) _exit(1);
    std::string message = "Subject: x\r\nFrom: a\r\n\r\n";
    while (static_cast<int>(message.size()) < bytes) message += std::string(74, 'x') + "\r\n";
    message += ".\r\n";
    std::vector<std::thread> threads;
    for (int i = 0; i < connections; ++i) {
      threads.emplace_back([&] { SendMessages(port, messages / connections, message); });
    }
    for (std::thread& thread : threads) thread.join();
    _exit(0);
  }
  base::SystemClock clock;
  base::SystemRandom random;
  telemetry::MetricsRegistry registry;
  Metrics metrics(registry);
  const auto log = telemetry::MakeNullLog();
  NoBus bus;
  NoStore blobs;
  directory::Directory directory;
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/acme/domains/example.org");
  change.mutable_domain()->set_name(change.name());
  change.mutable_domain()->set_recipient_mode(provisioning::v1::RECIPIENT_MODE_ANY);
  directory.Apply(change);
  directory.Complete();
  FakePolicy policy;
  FakeMessageScan scan;
  FakeRecipientCheck recipient_check;
  FakeDestinationLore lore;
  dns::FakeResolver resolver;
  DnsLists dns_lists{{}, resolver};
  Intake intake({.host_name = "mx.example.org", .header = {}}, blobs, bus, clock, random);
  net::ConnectionLimits limits(
      {.total = 1000, .per_address = 1000, .per_network = 1000, .exempt = {}});
  SessionSettings settings;
  settings.smtp.host_name = "mx.example.org";
  settings.smtp.messages = 0;
  const auto loops = net::Loops::Create(2, 2);
  Sessions sessions(settings,
                    SessionParts{*loops, limits, directory, policy, scan, recipient_check, lore,
                                 resolver, dns_lists, intake, bus, clock, random, *log, metrics});
  auto listener =
      net::Listener::Open(*loops, {.name = "mx", .address = "127.0.0.1:0", .proxy_from = {}},
                          [&](std::unique_ptr<net::Connection> c) { sessions.Take(std::move(c)); });
  const uint16_t port = (*listener)->port();
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const absl::Time began = absl::Now();
  if (write(pipes[1], &port, sizeof port) != sizeof port) return 1;
  int status = 0;
  waitpid(child, &status, 0);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  getrusage(RUSAGE_SELF, &after);
  const auto micros = [](const rusage& r) {
    return 1e6 * static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
  };
  const auto taken = static_cast<double>(metrics.messages.value());
  std::printf("%.0f messages of %d bytes: %.0f/s, %.1f us of CPU each\n", taken, bytes,
              taken / seconds, (micros(after) - micros(before)) / taken);
  (*listener)->Close();
  loops->Stop(absl::Now() + absl::Seconds(10));
  return status;
}

}  // namespace
}  // namespace cleanmail::ingress

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) {
    return argc > i ? std::atoi(argv[i]) : otherwise;
  };
  return cleanmail::ingress::Main(argument(1, 20000), argument(2, 4096), argument(3, 20));
}
