#include "libs/net/worker_pool.h"

#include <utility>

namespace cleanmail::net {

WorkerPool::WorkerPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

void WorkerPool::Add(absl::AnyInvocable<void() &&> work) {
  absl::MutexLock lock(&mutex_);
  if (!stopped_) waiting_.push_back(std::move(work));
}

void WorkerPool::Stop() {
  std::deque<absl::AnyInvocable<void() &&>> dropped;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::Run() {
  while (true) {
    absl::AnyInvocable<void() &&> work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkerPool::Wakes));
      if (stopped_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    std::move(work)();
  }
}

}  // namespace cleanmail::net
