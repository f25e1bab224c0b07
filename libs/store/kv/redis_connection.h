#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

struct redisReader;

namespace cleanmail::kv {

// What Redis answered: nothing, text, a number (as text too) or an error.
struct RedisReply {
  enum class Kind { kNil, kText, kNumber, kError } kind = Kind::kNil;
  std::string text = {};
  int64_t number = 0;
};

// `arguments` as Redis takes a command.
std::string RedisCommand(const std::vector<std::string_view>& arguments);

// A socket to Redis and what has come of the next answer. Not thread-safe.
class RedisConnection {
 public:
  RedisConnection();
  ~RedisConnection();

  // Connects and introduces itself within `most`. Unavailable: in words; also when it takes no
  // writes.
  absl::Status Open(const std::string& host, const std::string& port, const std::string& user,
                    const std::string& password, absl::Duration most);
  void Close();
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // Writes what it can without waiting and takes that off `bytes`. Unavailable: lost.
  absl::Status Write(std::string& bytes);
  // Reads what there is without waiting. Unavailable: lost.
  absl::Status Read();
  // The next whole answer, if any. Unavailable: what came is no answer.
  absl::Status Next(std::optional<RedisReply>& reply);

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  absl::Status Connect(const std::string& host, const std::string& port, absl::Time deadline);
  absl::Status Ask(const std::vector<std::string_view>& arguments, absl::Time deadline,
                   RedisReply& reply);

  int fd_ = -1;
  std::unique_ptr<redisReader, FreeReader> reader_;
};

}  // namespace cleanmail::kv
