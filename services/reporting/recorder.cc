#include "services/reporting/recorder.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace cleanmail::reporting {
namespace {

// The database is away or busy: every event of the gathering waits and comes again.
bool ComesAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
}

}  // namespace

Recorder::Recorder(Store& store, Options options)
    : store_(store), options_(options), thread_([this] { Run(); }) {}

Recorder::~Recorder() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Recorder::Add(Changes changes, Done done) {
  absl::MutexLock lock(&mutex_);
  changes_.push_back(std::move(changes));
  dones_.push_back(std::move(done));
}

void Recorder::Run() {
  const auto has_some = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !changes_.empty();
  };
  const auto is_full = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || changes_.size() >= options_.most;
  };
  while (true) {
    std::vector<Changes> changes;
    std::vector<Done> dones;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_some));
      mutex_.AwaitWithTimeout(absl::Condition(&is_full), options_.moment);
      if (changes_.empty()) return;
      changes.swap(changes_);
      dones.swap(dones_);
    }
    WriteAll(std::move(changes), std::move(dones));
  }
}

void Recorder::WriteAll(std::vector<Changes> changes, std::vector<Done> dones) {
  const absl::Status written = store_.Record(changes);
  const bool alone = !written.ok() && !ComesAgain(written) && changes.size() > 1;
  for (size_t i = 0; i < changes.size(); ++i) {
    std::move(dones[i])(alone ? store_.Record(std::span<const Changes>(&changes[i], 1)) : written);
  }
}

}  // namespace cleanmail::reporting
