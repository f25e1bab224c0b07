#include "libs/net/unix_path.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libs/base/cat.h"

namespace cleanmail::net {
namespace {

absl::Status Cannot(std::string_view path, int error) {
  return absl::UnavailableError(base::Cat("cannot listen at unix:", path, ": ",
                                          std::strerror(error),
                                          error == EADDRINUSE ? "; another program has it" : ""));
}

int NewSocket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Whether somebody answers there.
bool IsAlive(const sockaddr_un& address) {
  const int fd = NewSocket();
  if (fd < 0) return true;
  const int connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool alive = connected == 0 || errno == EAGAIN;
  close(fd);
  return alive;
}

}  // namespace

std::optional<std::string_view> UnixPath(std::string_view address) {
  constexpr std::string_view kUnix = "unix:";
  if (!address.starts_with(kUnix)) return std::nullopt;
  return address.substr(kUnix.size());
}

absl::StatusOr<int> ListenAtPath(std::string_view path, int mode, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path.starts_with('/') || path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(base::Cat("unix:", path, " needs a path that begins with / ",
                                                "and is shorter than ", sizeof address.sun_path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::string name(path);
  struct stat there {};
  if (lstat(name.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode) || IsAlive(address)) return Cannot(path, EADDRINUSE);
    unlink(name.c_str());
  }
  const int fd = NewSocket();
  if (fd < 0) return Cannot(path, errno);
  // Nobody can connect before `listen`, and by then the permissions are right.
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(name.c_str(), static_cast<mode_t>(mode)) != 0 || listen(fd, backlog) != 0) {
    const int error = errno;
    close(fd);
    return Cannot(path, error);
  }
  return fd;
}

}  // namespace cleanmail::net
