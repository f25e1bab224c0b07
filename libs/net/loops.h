#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace boost::asio {
class io_context;
}

namespace cleanmail::net {

class Connection;
class WorkerPool;

// One event loop with a thread of its own. What lives on it (connections, coroutines) is touched on
// its thread only.
class Loop {
 public:
  explicit Loop(int index);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `work` on the loop's thread, soon. Thread-safe. After the loops have stopped it is dropped
  // unrun.
  void Post(absl::AnyInvocable<void() &&> work);
  // Whether the caller is on the loop's thread.
  bool Here() const;

  // For libs/net/coroutines.h and connection.cc.
  boost::asio::io_context& io();
  std::shared_ptr<void> keep_alive() const;  // the io_context lives at least as long as this
  std::span<char> scratch();                 // 64 KiB for reading into, on the loop's thread only
  std::atomic<int64_t>& spawned();           // coroutines begun and not ended

 private:
  friend class Loops;
  friend class Connection;
  struct Core;
  std::shared_ptr<Core>
      core_;  // shared with callbacks of other threads that will resume a coroutine
};

// The event loops of a process and its pool of threads for slow work. Thread-safe.
class Loops {
 public:
  // Starts `loops` event loops and `slow_threads` pool threads. SIGPIPE is ignored from here on.
  static std::unique_ptr<Loops> Create(int loops, int slow_threads = 8);
  ~Loops();

  // A loop, in turn.
  Loop& Next();
  size_t size() const { return loops_.size(); }
  Loop& at(size_t i) { return *loops_[i]; }

  // Runs `work` on a thread of the pool: for calls that block.
  void RunSlow(absl::AnyInvocable<void() &&> work);

  // Coroutines begun and not ended.
  int64_t spawned() const;
  // Closes every connection: what waits on one goes on with an error.
  void CloseConnections();
  // Closes every connection, gives coroutines until `deadline` to end, then ends the threads. What
  // has not ended by then is destroyed where it waits. Idempotent.
  void Stop(absl::Time deadline);

 private:
  Loops() = default;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<WorkerPool> pool_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace cleanmail::net
