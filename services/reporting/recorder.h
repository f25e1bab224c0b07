#pragma once

#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {

// Gathers for a moment what events change and writes it in one transaction. The four events of a
// message come within milliseconds of each other, from four topics: gathered, they write its row
// once, not four times, and one flush serves many messages. Thread-safe.
class Recorder {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  struct Options {
    absl::Duration moment = absl::Milliseconds(100);  // from the first event of a gathering
    size_t most = 2048;                               // events of one gathering
  };

  explicit Recorder(Store& store) : Recorder(store, Options()) {}
  Recorder(Store& store, Options options);
  // Writes what waits.
  ~Recorder();

  // Takes what one event changes; `done` is called once, on the recorder's thread, when it has been
  // written or could not be. An event that cannot be written for its own sake fails alone.
  void Add(Changes changes, Done done) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void WriteAll(std::vector<Changes> changes, std::vector<Done> dones);

  Store& store_;
  const Options options_;
  absl::Mutex mutex_;
  std::vector<Changes> changes_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> dones_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cleanmail::reporting
