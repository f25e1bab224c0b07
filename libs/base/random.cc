#include "libs/base/random.h"

#include <cerrno>

#include <sys/random.h>

#include "libs/base/status_macros.h"

namespace cleanmail::base {

void SystemRandom::Fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CLEANMAIL_CHECK(got > 0, "the kernel has random numbers");
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
}

}  // namespace cleanmail::base
