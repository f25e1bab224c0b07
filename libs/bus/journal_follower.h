#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "libs/bus/bus.h"
#include "libs/bus/journal_topic.h"

namespace cleanmail::bus {

// Gives every change of a topic from a position on to one handler, on a thread of its own.
// Thread-safe.
class JournalFollower final : public Listener {
 public:
  JournalFollower(JournalTopic& topic, int64_t start, absl::AnyInvocable<void(Change)> handler);
  ~JournalFollower() override;

  void Start();
  // Ends the thread; the handler is not called afterwards.
  void Stop();

  void Wake(std::span<const EventRef> events) override;
  int64_t cursor() const override { return cursor_.load(std::memory_order_relaxed); }
  void SetPaused(bool paused);
  int64_t lag() const { return topic_.end() - cursor(); }

 private:
  void Run();

  JournalTopic& topic_;
  absl::AnyInvocable<void(Change)> handler_;
  std::atomic<int64_t> cursor_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // All below guarded by mutex_.
  bool stopping_ = false;
  bool paused_ = false;
  bool news_ = true;
  std::thread thread_;
};

}  // namespace cleanmail::bus
