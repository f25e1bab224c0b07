#include "libs/testing/fault_proxy.h"

#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/testing/free_port.h"

namespace cleanmail::testing {
namespace {

constexpr int kLookMillis = 20;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

FaultProxy::FaultProxy(uint16_t server_port) : server_port_(server_port), port_(FreePort()) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port_);
  CLEANMAIL_CHECK(
      bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
          listen(listener_, 64) == 0,
      "the proxy cannot listen");
  acceptor_ = std::thread([this] { Accept(); });
}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  acceptor_.join();
  Cut();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void FaultProxy::Heal() {
  std::lock_guard lock(mutex_);
  refuse_ = cut_ = 0;
  down_ = false;
  delay_ms_ = 0;
}

void FaultProxy::Refuse(int times) {
  {
    std::lock_guard lock(mutex_);
    refuse_ = times;
  }
  Cut();
}

void FaultProxy::Delay(absl::Duration delay) { delay_ms_ = absl::ToInt64Milliseconds(delay); }

void FaultProxy::CutAfter(int64_t bytes, int times) {
  {
    std::lock_guard lock(mutex_);
    cut_after_ = bytes;
    cut_ = times;
  }
  Cut();
}

void FaultProxy::Down() {
  {
    std::lock_guard lock(mutex_);
    down_ = true;
  }
  Cut();
}

void FaultProxy::Cut() {
  std::lock_guard lock(mutex_);
  for (const int fd : open_) shutdown(fd, SHUT_RDWR);
}

FaultProxy::Fault FaultProxy::NextFault() {
  std::lock_guard lock(mutex_);
  if (down_) return {.cut_after = 0};
  if (refuse_ > 0) {
    --refuse_;
    return {.refuse = true};
  }
  if (cut_ > 0) {
    --cut_;
    return {.cut_after = cut_after_};
  }
  return {};
}

void FaultProxy::Accept() {
  while (!stopping_) {
    pollfd wait{.fd = listener_, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kLookMillis) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    std::lock_guard lock(mutex_);
    open_.insert(client);
    threads_.emplace_back([this, client] { Serve(client); });
  }
}

void FaultProxy::Serve(int client) {
  const Fault fault = NextFault();
  if (fault.refuse) {
    std::array<char, 4096> asked;
    if (recv(client, asked.data(), asked.size(), 0) > 0)
      SendAll(client, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    shutdown(client, SHUT_WR);
    // What the client still sends is taken, or it would see a reset instead of the answer.
    while (recv(client, asked.data(), asked.size(), 0) > 0) {
    }
  } else if (fault.cut_after != 0) {
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
      Pass(client, server, fault.cut_after);
    close(server);
  }
  std::lock_guard lock(mutex_);
  open_.erase(client);
  close(client);
}

void FaultProxy::Pass(int client, int server, int64_t cut_after) {
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  std::array<char, 64 * 1024> bytes;
  int64_t passed = 0;
  while (!stopping_) {
    std::array<pollfd, 2> waits{{{.fd = client, .events = POLLIN, .revents = 0},
                                 {.fd = server, .events = POLLIN, .revents = 0}}};
    if (poll(waits.data(), waits.size(), kLookMillis) < 0) return;
    for (int from = 0; from < 2; ++from) {
      if (waits.at(from).revents == 0) continue;
      const ssize_t got = recv(waits.at(from).fd, bytes.data(), bytes.size(), 0);
      if (got <= 0) return;
      auto count = static_cast<size_t>(got);
      if (from == 1) {
        if (delay_ms_ > 0) absl::SleepFor(absl::Milliseconds(delay_ms_.load()));
        const int64_t left = cut_after - passed;
        if (cut_after > 0 && static_cast<int64_t>(count) >= left) {
          SendAll(client, {bytes.data(), static_cast<size_t>(left)});
          return;
        }
        passed += got;
      }
      if (!SendAll(from == 0 ? server : client, {bytes.data(), count})) return;
    }
  }
}

}  // namespace cleanmail::testing
