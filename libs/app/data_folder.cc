#include "libs/app/data_folder.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/base/status_macros.h"
#include "libs/config/config.h"

namespace cleanmail::app {
namespace {

absl::Status Failed(std::string_view what, const std::string& path, int error) {
  return absl::FailedPreconditionError(base::Cat(what, " ", path, ": ", std::strerror(error)));
}

// 64 hex digits as 32 bytes.
absl::StatusOr<std::string> KeyOf(std::string_view hex, std::string_view where) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string key;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) break;
    key += static_cast<char>(high << 4 | low);
  }
  if (hex.size() != 64 || key.size() != 32) {
    return absl::FailedPreconditionError(
        base::Cat("the master key in ", where, " is not 64 hex digits"));
  }
  return key;
}

// Writes `text` to a new file of mode 0600, kept even if the machine stops now.
absl::Status WriteNew(const std::string& path, const std::string& folder, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("cannot make", path, errno);
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (!written) {
    unlink(path.c_str());
    return Failed("cannot write", path, error);
  }
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return base::Annotate(Failed("cannot make", path, errno), "app.data_folder");
  }
  struct stat s {};
  if (stat(path.c_str(), &s) != 0) return Failed("app.data_folder: cannot look at", path, errno);
  if (!S_ISDIR(s.st_mode))
    return absl::FailedPreconditionError(base::Cat("app.data_folder: ", path, " is not a folder"));
  if ((s.st_mode & 0022) != 0) {
    return absl::FailedPreconditionError(base::Cat("app.data_folder: others may write to ", path,
                                                   ", so nothing in it can be trusted: chmod 700 ",
                                                   path));
  }
  const std::string lock_path = base::Cat(path, "/lock");
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return Failed("app.data_folder: cannot make", lock_path, errno);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    char pid[32] = {};
    (void)!read(lock, pid, sizeof pid - 1);
    close(lock);
    return absl::FailedPreconditionError(
        base::Cat("app.data_folder: the process ", pid, " has ", path,
                  "; two gateways cannot share a data folder: stop it, or give this one its own"));
  }
  const std::string pid = std::to_string(getpid());
  (void)!ftruncate(lock, 0);
  (void)!pwrite(lock, pid.data(), pid.size(), 0);
  return std::unique_ptr<DataFolder>(new DataFolder(path, lock, (s.st_mode & 0055) != 0));
}

DataFolder::~DataFolder() { close(lock_); }

absl::StatusOr<std::string> DataFolder::MasterKey(const v1::AppConfig& settings,
                                                  base::Random& random) const {
  if (!settings.master_key().reference().empty()) {
    absl::StatusOr<std::string> hex = config::ResolveSecret(settings.master_key());
    if (!hex.ok()) return base::Annotate(hex.status(), "app.master_key");
    return KeyOf(*hex, "app.master_key");
  }
  const std::string file = base::Cat(path_, "/master.key");
  v1::Secret secret;
  secret.set_reference(base::Cat("file:", file));
  absl::StatusOr<std::string> hex = config::ResolveSecret(secret);
  if (hex.ok()) return KeyOf(*hex, file);
  if (!absl::IsNotFound(hex.status())) return hex.status();
  if (access(base::Cat(path_, "/spool").c_str(), F_OK) == 0) {
    return absl::FailedPreconditionError(
        base::Cat(file,
                  " is gone but there is mail sealed with it: put it back from your backup. To "
                  "begin anew without that mail, "
                  "move the whole folder ",
                  path_, " away"));
  }
  std::array<std::byte, 32> bytes{};
  random.Fill(bytes);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<int>(b) >> 4];
    text += kDigits[std::to_integer<int>(b) & 15];
  }
  CLEANMAIL_RETURN_IF_ERROR(WriteNew(file, path_, text + "\n"));
  return KeyOf(text, file);
}

}  // namespace cleanmail::app
