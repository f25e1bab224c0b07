#include "libs/store/spool/info_log.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <rocksdb/env.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cleanmail::spool {
namespace {

constexpr off_t kLargest = 4 << 20;
constexpr size_t kLongestLine = 2000;

class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(const std::string& path)
      : Logger(rocksdb::WARN_LEVEL),
        fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    struct stat status = {};
    if (fd_ >= 0 && fstat(fd_, &status) == 0 && status.st_size > kLargest) (void)!ftruncate(fd_, 0);
  }
  ~InfoLog() override {
    if (fd_ >= 0) close(fd_);
  }

  using Logger::Logv;
  // One write a line, so lines of several threads do not mix.
  void Logv(const char* format, va_list arguments) override {
    if (fd_ < 0) return;
    std::array<char, kLongestLine> line;
    const std::time_t now = std::time(nullptr);
    std::tm utc = {};
    gmtime_r(&now, &utc);
    size_t length = std::strftime(line.data(), line.size(), "%Y-%m-%dT%H:%M:%SZ ", &utc);
    const int more = std::vsnprintf(line.data() + length, line.size() - length, format, arguments);
    if (more < 0) return;
    length = std::min(length + static_cast<size_t>(more), line.size() - 1);
    line[length] = '\n';
    (void)!write(fd_, line.data(), length + 1);
  }
  // Settings, listed at each start.
  void LogHeader(const char*, va_list) override {}

 private:
  const int fd_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> OpenInfoLog(const std::string& folder) {
  return std::make_shared<InfoLog>(folder + "/LOG");
}

}  // namespace cleanmail::spool
