#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace cleanmail::telemetry {

enum class Level { kDebug, kInfo, kWarning, kError };

// One key of a log line. Text is hostile: the log escapes it.
struct Field {
  std::string_view key;
  std::variant<std::string_view, int64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class Integer>
  requires std::is_integral_v<Integer> Field(std::string_view k, Integer v)
      : key(k), value(static_cast<int64_t>(v)) {}
};
using Fields = std::initializer_list<Field>;

// Writes events as JSON lines: {"time":…,"level":…,"event":"message.accepted","message":…}.
// Thread-safe; a line is written whole or not at all. At info no subject, body or full address;
// those go to the mail log.
class Log {
 public:
  virtual ~Log() = default;
  virtual void Write(Level level, std::string_view event, Fields fields) = 0;
  // Opens its file anew, for rotation.
  virtual void Reopen() = 0;

  void Debug(std::string_view event, Fields fields = {}) { Write(Level::kDebug, event, fields); }
  void Info(std::string_view event, Fields fields = {}) { Write(Level::kInfo, event, fields); }
  void Warning(std::string_view event, Fields fields = {}) {
    Write(Level::kWarning, event, fields);
  }
  void Error(std::string_view event, Fields fields = {}) { Write(Level::kError, event, fields); }
};

// A log that writes to `path` ("" is standard error) what is at `level` or above.
std::unique_ptr<Log> MakeLog(std::string path, Level level);

// A log that writes nothing.
std::unique_ptr<Log> MakeNullLog();

}  // namespace cleanmail::telemetry
