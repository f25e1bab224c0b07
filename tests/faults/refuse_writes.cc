// Loaded in front of the C library (LD_PRELOAD): while the file CLEANMAIL_READ_ONLY_SWITCH exists,
// whatever would change something below CLEANMAIL_READ_ONLY_FOLDER fails with EROFS, as on a disk
// the kernel has made read-only after an error. (A mount with files open for writing cannot be
// remounted read-only by hand.)
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

bool IsBelow(const char* path) {
  static const char* const folder = std::getenv("CLEANMAIL_READ_ONLY_FOLDER");
  return folder != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool IsOn() {
  static const char* const file = std::getenv("CLEANMAIL_READ_ONLY_SWITCH");
  return file != nullptr && syscall(SYS_access, file, F_OK) == 0;
}

// Whether a change of `path` is to fail; sets errno then.
bool Refused(const char* path) {
  const int before = errno;
  const bool refused = IsBelow(path) && IsOn();
  errno = refused ? EROFS : before;
  return refused;
}

bool Refused(int fd) {
  const int before = errno;
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  char path[4096];
  const ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
  errno = before;
  if (length <= 0) return false;
  path[length] = '\0';
  return Refused(path);
}

int Open(int folder, const char* path, int flags, mode_t mode) {
  if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0 && Refused(path)) return -1;
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

// The mode behind `flags`, where there is one.
mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define REFUSING_OPEN(name)                       \
  int name(const char* path, int flags, ...) {    \
    va_list arguments;                            \
    va_start(arguments, flags);                   \
    const mode_t mode = ModeOf(flags, arguments); \
    va_end(arguments);                            \
    return Open(AT_FDCWD, path, flags, mode);     \
  }
#define REFUSING_OPENAT(name)                              \
  int name(int folder, const char* path, int flags, ...) { \
    va_list arguments;                                     \
    va_start(arguments, flags);                            \
    const mode_t mode = ModeOf(flags, arguments);          \
    va_end(arguments);                                     \
    return Open(folder, path, flags, mode);                \
  }
#define REFUSING(name, result, number, parameters, first, ...) \
  result name parameters {                                     \
    if (Refused(first)) return -1;                             \
    return static_cast<result>(syscall(number, __VA_ARGS__));  \
  }

extern "C" {
REFUSING_OPEN(open)
REFUSING_OPEN(open64)
REFUSING_OPENAT(openat)
REFUSING_OPENAT(openat64)
REFUSING(write, ssize_t, SYS_write, (int fd, const void* bytes, size_t size), fd, fd, bytes, size)
REFUSING(writev, ssize_t, SYS_writev, (int fd, const iovec* parts, int number), fd, fd, parts,
         number)
REFUSING(pwrite, ssize_t, SYS_pwrite64, (int fd, const void* bytes, size_t size, off_t at), fd, fd,
         bytes, size, at)
REFUSING(pwrite64, ssize_t, SYS_pwrite64, (int fd, const void* bytes, size_t size, off64_t at), fd,
         fd, bytes, size, at)
REFUSING(fdatasync, int, SYS_fdatasync, (int fd), fd, fd)
REFUSING(fsync, int, SYS_fsync, (int fd), fd, fd)
REFUSING(ftruncate, int, SYS_ftruncate, (int fd, off_t size) noexcept, fd, fd, size)
REFUSING(ftruncate64, int, SYS_ftruncate, (int fd, off64_t size) noexcept, fd, fd, size)
REFUSING(fallocate, int, SYS_fallocate, (int fd, int mode, off_t at, off_t size), fd, fd, mode, at,
         size)
REFUSING(fallocate64, int, SYS_fallocate, (int fd, int mode, off64_t at, off64_t size), fd, fd,
         mode, at, size)
REFUSING(unlink, int, SYS_unlink, (const char* path) noexcept, path, path)
REFUSING(mkdir, int, SYS_mkdir, (const char* path, mode_t mode) noexcept, path, path, mode)
REFUSING(rename, int, SYS_rename, (const char* from, const char* to) noexcept, to, from, to)
REFUSING(link, int, SYS_link, (const char* from, const char* to) noexcept, to, from, to)
}
