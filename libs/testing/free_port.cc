#include "libs/testing/free_port.h"

#include <atomic>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/base/random.h"
#include "libs/base/status_macros.h"

namespace cleanmail::testing {
namespace {

// Below the kernel's range for clients, which begins at 32768.
constexpr uint16_t kFirst = 15000;
constexpr uint16_t kCount = 17000;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool IsFree(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  const bool free =
      fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return free;
}

}  // namespace

uint16_t FreePort() {
  static std::atomic<uint32_t> next(static_cast<uint32_t>(base::SystemRandom().Below(kCount)));
  for (int i = 0; i < kCount; ++i) {
    const auto port = static_cast<uint16_t>(kFirst + next++ % kCount);
    if (IsFree(port)) return port;
  }
  CLEANMAIL_CHECK(false, "no free port");
  return 0;
}

bool Listens(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool listens =
      fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return listens;
}

}  // namespace cleanmail::testing
