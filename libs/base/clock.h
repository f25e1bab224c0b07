#pragma once

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cleanmail::base {

// Says what time it is. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

// Goes on evenly, whatever is done to the machine's clock: for durations only, its times mean
// nothing.
class SteadyClock final : public Clock {
 public:
  absl::Time Now() const override {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return absl::UnixEpoch() + absl::FromChrono(since);
  }
};

// Microseconds since 1970, the form of time in tables and protos.
inline int64_t NowMicros(const Clock& clock) { return absl::ToUnixMicros(clock.Now()); }

}  // namespace cleanmail::base
