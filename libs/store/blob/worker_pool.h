#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace cleanmail::blob {

// Threads that do what may wait. Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  // Does what was submitted, then ends.
  ~WorkerPool();
  void Submit(absl::AnyInvocable<void() &&> work);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<absl::AnyInvocable<void() &&>> work_;  // guarded by mutex_
  bool stopping_ = false;                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace cleanmail::blob
