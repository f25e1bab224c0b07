#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/telemetry/log.h"
#include "services/provisioning/import/store.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning::import {

inline constexpr size_t kLargestFile = 10 * 1024 * 1024;
inline constexpr int64_t kMostLines = 200'000;

// Imports as jobs: one runs at a time, a batch of lines in each transaction together with what
// became of them, so that a job that was interrupted goes on where it was. Thread-safe.
class Imports {
 public:
  // All outlive it. `run` runs work on a thread that may block.
  using Runner = std::function<void(absl::AnyInvocable<void() &&>)>;
  Imports(provisioning::Store& directory, Store& store, const base::Clock& clock,
          base::Random& random, telemetry::Log& log, Runner run)
      : directory_(directory),
        store_(store),
        clock_(clock),
        random_(random),
        log_(log),
        run_(std::move(run)) {}
  ~Imports() { Stop(); }

  // Errors as in imports.proto.
  absl::StatusOr<Job> Create(std::string_view tenant, Kind kind, std::string_view content,
                             bool dry_run);
  absl::StatusOr<Job> Cancel(std::string_view tenant, std::string_view id);
  // Goes on with what an earlier process left.
  absl::Status Resume();
  // Ends after the batch in hand; what is left goes on in the next process. Idempotent.
  void Stop();
  // Forgets what ended a month ago.
  void Forget();

 private:
  void Enqueue(Job job);
  void RunNext();
  void Run(Job job);
  absl::Status RunBatches(Job& job);
  absl::Status RunBatch(File& file, Job& job, bool& more);
  absl::Status ApplyBatch(const std::vector<UserLine>& users,
                          const std::vector<ObservedLine>& observed, Job& job);

  provisioning::Store& directory_;
  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
  telemetry::Log& log_;
  const Runner run_;

  absl::Mutex mutex_;
  std::deque<Job> waiting_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cleanmail::provisioning::import
