#pragma once

#include <random>

#include "absl/synchronization/mutex.h"
#include "libs/base/random.h"

namespace cleanmail::base {

// The same bytes each run. Thread-safe.
class FakeRandom final : public Random {
 public:
  explicit FakeRandom(uint64_t seed = 1) : engine_(seed) {}
  void Fill(std::span<std::byte> bytes) override {
    absl::MutexLock lock(&mutex_);
    for (std::byte& b : bytes) b = static_cast<std::byte>(engine_() & 0xff);
  }

 private:
  absl::Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::base
