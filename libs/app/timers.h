#pragma once

#include <functional>
#include <list>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/net/loops.h"

namespace cleanmail::app {

// Runs ticks at intervals: one thread watches the time, the pool of `loops` does the work, so that
// a slow tick delays no other. A tick never runs twice at once. Thread-safe.
class Timers {
 public:
  explicit Timers(net::Loops& loops);
  ~Timers();  // Stop

  // The first tick is one interval from now.
  void Every(absl::Duration interval, std::function<void()> tick);
  // Runs `attempt` now and again after each `pause` until it returns true.
  void Until(absl::Duration pause, std::function<bool()> attempt);
  // No new tick begins; returns when none is running. Idempotent.
  void Stop();

 private:
  struct Timer {
    absl::Duration interval;
    std::function<bool()> tick;  // false: never again
    absl::Time due;
    bool running = false;
    bool over = false;
  };
  void Add(absl::Duration interval, absl::Time first, std::function<bool()> tick);
  void Run();
  void RunTick(Timer& timer);
  // The earliest time something is due.
  absl::Time NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NothingRuns() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; }

  net::Loops& loops_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Timer> timers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace cleanmail::app
