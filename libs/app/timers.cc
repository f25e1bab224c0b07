#include "libs/app/timers.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace cleanmail::app {

Timers::Timers(net::Loops& loops) : loops_(loops), thread_([this] { Run(); }) {}
Timers::~Timers() { Stop(); }

void Timers::Every(absl::Duration interval, std::function<void()> tick) {
  interval = std::max(interval, absl::Milliseconds(1));
  Add(interval, absl::Now() + interval, [tick = std::move(tick)] {
    tick();
    return true;
  });
}

void Timers::Until(absl::Duration pause, std::function<bool()> attempt) {
  Add(pause, absl::Now(), [attempt = std::move(attempt)] { return !attempt(); });
}

void Timers::Add(absl::Duration interval, absl::Time first, std::function<bool()> tick) {
  absl::MutexLock lock(&mutex_);
  timers_.push_back({.interval = interval, .tick = std::move(tick), .due = first});
  changed_.SignalAll();
}

absl::Time Timers::NextDue() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Timer& timer : timers_) {
    if (!timer.running && !timer.over) next = std::min(next, timer.due);
  }
  return next;
}

void Timers::Run() {
  absl::MutexLock lock(&mutex_);
  while (!stopped_) {
    const absl::Time now = absl::Now();
    for (Timer& timer : timers_) {
      if (timer.running || timer.over || timer.due > now) continue;
      timer.running = true;
      ++running_;
      loops_.RunSlow([this, &timer] { RunTick(timer); });
    }
    changed_.WaitWithDeadline(&mutex_, NextDue());
  }
}

void Timers::RunTick(Timer& timer) {
  bool again = false;
  {
    mutex_.Lock();
    const bool stopped = stopped_;
    mutex_.Unlock();
    if (!stopped) again = timer.tick();
  }
  absl::MutexLock lock(&mutex_);
  timer.running = false;
  timer.over = !again;
  timer.due = absl::Now() + timer.interval;
  --running_;
  changed_.SignalAll();
}

void Timers::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Timers::NothingRuns));
}

}  // namespace cleanmail::app
