#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// What the lines of a file say. Pure.
namespace cleanmail::provisioning::import {

enum class Kind { kUsers, kObserved };

// A user as a line has him; what the file has no column for is not set.
struct UserLine {
  int64_t line = 0;
  std::string address = {};  // as written
  std::optional<std::string> display_name = {};
  std::optional<std::vector<std::string>> aliases = {};
  std::optional<std::vector<std::string>> groups = {};
  std::optional<std::string> policy = {};
  absl::Status problem = {};  // of the line; names the column
};

struct ObservedLine {
  int64_t line = 0;
  std::string address = {};
  std::optional<int64_t> messages = {};
  std::optional<absl::Time> last_seen = {};
  absl::Status problem = {};
};

// A file that is read line by line. An address that stands on an earlier line already is that
// line's problem. Not thread-safe.
class File {
 public:
  // InvalidArgument: no header with a column `address`, or bytes that are no text.
  static absl::StatusOr<std::unique_ptr<File>> Open(std::string_view bytes, Kind kind);
  virtual ~File() = default;

  // How it is read, for people: "UTF-8, fields parted by ';'; left out: x".
  virtual const std::string& reading() const = 0;
  // Records below the header.
  virtual int64_t total() const = 0;
  virtual std::optional<UserLine> NextUser() = 0;
  virtual std::optional<ObservedLine> NextObserved() = 0;
};

}  // namespace cleanmail::provisioning::import
