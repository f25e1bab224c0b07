#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cleanmail::base {

// Whether an engine is away, as its last call ended: for warnings and metrics. Thread-safe.
class RecentFailure {
 public:
  // How a call ended. Costs nothing while all goes well.
  void Note(const absl::Status& status) {
    if (status.ok() && !failing_.load(std::memory_order_relaxed)) return;
    const absl::MutexLock lock(&mutex_);
    failing_.store(!status.ok(), std::memory_order_relaxed);
    last_ = status;
    at_ = absl::Now();
  }

  // The last failure; OK when a call has gone well since, or when nobody has called for a minute,
  // after which nothing is known.
  absl::Status Get() const {
    const absl::MutexLock lock(&mutex_);
    return absl::Now() - at_ < absl::Minutes(1) ? last_ : absl::OkStatus();
  }

 private:
  std::atomic<bool> failing_{false};
  mutable absl::Mutex mutex_;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  absl::Time at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace cleanmail::base
