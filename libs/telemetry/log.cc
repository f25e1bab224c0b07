#include "libs/telemetry/log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>

#include <fcntl.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cleanmail::telemetry {
namespace {

constexpr size_t kLongestText = 16 * 1024;  // of one field

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

// Length of the valid UTF-8 sequence at the beginning of `text` (RFC 3629), 0 if there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : (first & 0xf0) == 0xe0         ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

void AppendEscape(std::string& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

// Bytes at the beginning of `text` that stand for themselves: most lines are nothing else.
size_t PlainLength(std::string_view text) {
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  return static_cast<size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
}

// `text` as a JSON string (RFC 8259 §7). What is not UTF-8 becomes the replacement character.
void AppendText(std::string& out, std::string_view text) {
  const bool cut = text.size() > kLongestText;
  if (cut) text = text.substr(0, kLongestText);
  out += '"';
  while (!text.empty()) {
    const size_t plain = PlainLength(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const unsigned char c = static_cast<unsigned char>(text.front());
    const size_t length = Utf8Length(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      AppendEscape(out, c);
    } else if (length == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  if (cut) out += "\xe2\x80\xa6";
  out += '"';
}

void AppendNumber(std::string& out, auto number) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  out.append(text, error == std::errc() ? end : text);
}

struct ValuePrinter {
  std::string& out;
  void operator()(std::string_view text) const { AppendText(out, text); }
  void operator()(int64_t number) const { AppendNumber(out, number); }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      AppendNumber(out, number);
    } else {
      out += "null";
    }
  }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
};

class FileLog final : public Log {
 public:
  FileLog(std::string path, Level level) : path_(std::move(path)), level_(level) {
    absl::MutexLock lock(&mutex_);
    Open();
  }
  ~FileLog() override {
    absl::MutexLock lock(&mutex_);
    if (fd_ > STDERR_FILENO) close(fd_);
  }

  void Write(Level level, std::string_view event, Fields fields) override {
    if (level < level_) return;
    std::string line;
    line.reserve(256);
    line += R"({"time":")";
    const absl::Time now = absl::Now();
    line += absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone());
    line += R"(","level":")";
    line += NameOf(level);
    line += R"(","event":)";
    AppendText(line, event);
    for (const Field& field : fields) {
      line += ',';
      AppendText(line, field.key);
      line += ':';
      std::visit(ValuePrinter{line}, field.value);
    }
    line += "}\n";
    absl::MutexLock lock(&mutex_);
    WriteLine(line);
  }

  void Reopen() override {
    absl::MutexLock lock(&mutex_);
    if (path_.empty()) return;
    const int before = fd_;
    Open();
    if (fd_ != before && before > STDERR_FILENO) close(before);
  }

 private:
  // On failure the log goes on where it went before, at first standard error: a full disk must not
  // stop mail.
  void Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (path_.empty()) return;
    const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd >= 0) fd_ = fd;
  }

  // A line goes out in one write; one that was cut short (a full disk) is taken back.
  void WriteLine(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ssize_t put = 0;
    do {
      put = write(fd_, line.data(), line.size());
    } while (put < 0 && errno == EINTR);
    if (put > 0 && static_cast<size_t>(put) < line.size()) {
      const off_t end = lseek(fd_, 0, SEEK_END);
      if (end >= put) (void)!ftruncate(fd_, end - put);
    }
  }

  const std::string path_;
  const Level level_;
  absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_) = STDERR_FILENO;
};

class NullLog final : public Log {
 public:
  void Write(Level, std::string_view, Fields) override {}
  void Reopen() override {}
};

}  // namespace

std::unique_ptr<Log> MakeLog(std::string path, Level level) {
  return std::make_unique<FileLog>(std::move(path), level);
}
std::unique_ptr<Log> MakeNullLog() { return std::make_unique<NullLog>(); }

}  // namespace cleanmail::telemetry
