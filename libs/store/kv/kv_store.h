#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cleanmail::kv {

// Holds only what may be lost: rates, caches. Thread-safe.
class KvStore {
 public:
  virtual ~KvStore() = default;
  // NotFound: never set, or over.
  virtual absl::StatusOr<std::string> Get(std::string_view key) = 0;
  virtual absl::Status Set(std::string_view key, std::string_view value, absl::Duration life) = 0;
  virtual absl::Status Delete(std::string_view key) = 0;
  // Adds to a counter that begins at 0 and ends `life` after its first addition; returns its new
  // value.
  virtual absl::StatusOr<int64_t> Add(std::string_view key, int64_t amount,
                                      absl::Duration life) = 0;
  // Whether calls may wait for another process; else they may be made where nothing may block.
  virtual bool waits() const { return true; }
};

}  // namespace cleanmail::kv
