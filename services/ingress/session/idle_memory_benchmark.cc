// How much memory an idle session costs: `idle_memory_benchmark [sessions] [tls]`. A second process
// holds the clients' ends.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/bus/fake_bus.h"
#include "libs/directory/directory.h"
#include "libs/dns/fake_resolver.h"
#include "libs/net/connection.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/listener.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/testing/socket_transport.h"
#include "services/ingress/session/fake_advisors.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {
namespace {

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int HoldClients(int read_port, int tell, int count, bool tls) {
  uint16_t port = 0;
  if (read(read_port, &port, sizeof port) != sizeof port) return 1;
  const auto loops = net::Loops::Create(1, 1);
  std::vector<std::unique_ptr<testing::SocketTransport>> clients;
  for (int i = 0; i < count; ++i) {
    auto client = testing::SocketTransport::Connect(*loops, port);
    if (!client.ok() || !(*client)->ReadLine().ok()) return 1;
    const auto until_last_line = [&] {
      for (auto line = (*client)->ReadLine(); line.ok() && line->size() > 3 && (*line)[3] == '-';)
        line = (*client)->ReadLine();
    };
    (void)(*client)->Send("EHLO client.example\r\n");
    until_last_line();
    if (tls) {
      (void)(*client)->Send("STARTTLS\r\n");
      until_last_line();
      if (!(*client)->StartTls().ok()) return 1;
      (void)(*client)->Send("EHLO client.example\r\n");
      until_last_line();
    }
    clients.push_back(*std::move(client));
  }
  if (write(tell, "x", 1) != 1) return 1;
  char c;
  return read(read_port, &c, 1) == 0 ? 0 : 1;  // until the server is done
}

int Main(int count, bool tls) {
  rlimit files{.rlim_cur = static_cast<rlim_t>(count) + 200,
               .rlim_max = static_cast<rlim_t>(count) + 200};
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) std::perror("setrlimit");
  int to_child[2], to_parent[2];
  if (pipe(to_child) != 0 || pipe(to_parent) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    close(to_child[1]);
    _exit(HoldClients(to_child[0], to_parent[1], count, tls));
  }
  base::SystemClock clock;
  base::SystemRandom random;
  telemetry::MetricsRegistry registry;
  Metrics metrics(registry);
  const auto log = telemetry::MakeNullLog();
  bus::FakeBus bus;
  blob::FakeBlobStore blobs;
  directory::Directory directory;
  FakePolicy policy;
  FakeMessageScan scan;
  FakeRecipientCheck recipient_check;
  FakeDestinationLore lore;
  dns::FakeResolver resolver;
  DnsLists dns_lists{{}, resolver};
  Intake intake({.host_name = "mx.example.org", .header = {}}, blobs, bus, clock, random);
  net::ConnectionLimits limits(
      {.total = count + 10, .per_address = count + 10, .per_network = count + 10, .exempt = {}});
  const std::string folder = std::filesystem::temp_directory_path();
  const auto context = net::TlsContext::Server(
      {net::MakeFakeCertificate(folder, "idle-memory", {"mx.example.org"})});
  SessionSettings settings;
  settings.smtp.host_name = "mx.example.org";
  settings.smtp.offer_starttls = tls;
  settings.tls = context->get();
  const auto loops = net::Loops::Create(2, 2);
  Sessions sessions(settings,
                    SessionParts{*loops, limits, directory, policy, scan, recipient_check, lore,
                                 resolver, dns_lists, intake, bus, clock, random, *log, metrics});
  auto listener =
      net::Listener::Open(*loops, {.name = "mx", .address = "127.0.0.1:0", .proxy_from = {}},
                          [&](std::unique_ptr<net::Connection> c) { sessions.Take(std::move(c)); });
  const int64_t before = ResidentBytes();
  const uint16_t port = (*listener)->port();
  char c;
  if (write(to_child[1], &port, sizeof port) != sizeof port || read(to_parent[0], &c, 1) != 1)
    return 1;
  const int64_t after = ResidentBytes();
  std::printf("%d idle sessions%s: %.1f KB each\n", static_cast<int>(metrics.sessions_open.value()),
              tls ? " with TLS" : "", static_cast<double>(after - before) / count / 1024);
  close(to_child[1]);
  int status = 0;
  waitpid(child, &status, 0);
  (*listener)->Close();
  loops->Stop(absl::Now() + absl::Seconds(10));
  return status;
}

}  // namespace
}  // namespace cleanmail::ingress

int main(int argc, char** argv) {
  return cleanmail::ingress::Main(argc > 1 ? std::atoi(argv[1]) : 10000,
                                  argc > 2 && std::strcmp(argv[2], "tls") == 0);
}
