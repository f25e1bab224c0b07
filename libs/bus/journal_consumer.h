#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "libs/bus/bus.h"
#include "libs/bus/journal_topic.h"

namespace cleanmail::bus {

// What a consumer asks of the journal that made it. Thread-safe.
class ConsumerHost {
 public:
  virtual ~ConsumerHost() = default;
  // The consumer's mark() has moved: note it soon.
  virtual void MarkMoved() = 0;
  // Keeps an event nobody can handle; `done` is called once, on any thread.
  virtual void BuryDead(std::string_view topic, std::string_view group, const EventRef& event,
                        const absl::Status& reason, std::function<void(absl::Status)> done) = 0;
};

struct ConsumerTiming {
  std::chrono::milliseconds first_retry;
  std::chrono::milliseconds last_retry;
};

// One group's reading of one topic. Events of one key form a line: what is given out of a line
// comes from its front and is given out at once or not at all; the rest waits until all of that is
// finished. A line belongs to one worker. Thread-safe.
//
// Each worker fetches for all when it looks for work, so that a new event wakes no thread but the
// one that will handle it.
class JournalConsumer final : public Listener,
                              public std::enable_shared_from_this<JournalConsumer> {
 public:
  JournalConsumer(JournalTopic& topic, ConsumerHost& host, SubscriptionOptions options,
                  BatchHandler handler, int64_t start, ConsumerTiming timing);
  ~JournalConsumer() override;

  void Start();
  // Ends the workers; nothing is handled afterwards.
  void Stop();
  // After it the host is not used any more.
  void Detach();

  void Wake(std::span<const EventRef> events) override;
  int64_t cursor() const override { return cursor_.load(std::memory_order_relaxed); }

  void SetPaused(bool paused);
  size_t in_hand() const;
  int64_t lag() const;
  // Everything before it is finished.
  int64_t mark() const;
  const SubscriptionOptions& options() const { return options_; }
  const std::string& topic() const { return topic_name_; }

  // Of an Inbound this consumer gave out.
  void Finish(std::string_view key, int64_t position, absl::Status status);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Slot {
    EventRef event;  // null: to be read again, it stood far behind in a line that waits
    int64_t position = 0;
    int attempts = 0;
    std::optional<absl::Status> result;
  };
  struct Line {
    enum { kReady, kOut, kWaiting } state = kReady;
    std::vector<Slot> slots;
    size_t out = 0;         // slots given out, from the front
    size_t unfinished = 0;  // of those
    size_t worker = 0;
    Time due;
  };
  using Lines = std::unordered_map<std::string, Line>;
  struct Worker {
    std::condition_variable wake;
    bool idle = false;
    std::deque<Lines::value_type*> ready;
    std::multimap<Time, Lines::value_type*> waiting;
    std::thread thread;
  };
  struct Letter {
    std::string key;
    EventRef event;
    absl::Status reason;
  };

  void Run(size_t worker);
  void Fetch(std::unique_lock<std::mutex>& lock);
  void Enqueue(EventRef event);
  void WakeWorker(Worker& worker);
  void MoveDue(Worker& worker);
  std::vector<std::unique_ptr<Inbound>> TakeBatch(Worker& worker, std::vector<Letter>& letters);
  bool LoadFront(Line& line, size_t count);
  void WakeStarved();
  void WaitFor(Lines::value_type& entry, int attempts);
  void Resolve(Lines::value_type& entry, std::vector<Letter>& letters);
  void Complete(int64_t position);
  void Bury(std::vector<Letter> letters);

  JournalTopic& topic_;
  const std::string topic_name_;
  const SubscriptionOptions options_;
  const ConsumerTiming timing_;
  BatchHandler handler_;
  std::atomic<int64_t> cursor_;

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  ConsumerHost* host_;
  bool stopping_ = false;
  bool paused_ = false;
  bool starved_ = false;   // a fetch stopped at the window
  bool fetching_ = false;  // one worker is reading
  bool news_ = false;      // events have come since it began to
  Time read_again_;        // after a failure to read
  Lines lines_;
  std::deque<std::pair<int64_t, bool>>
      open_;          // fetched and not before the mark: position, finished
  size_t slots_ = 0;  // fetched and not finished …
  size_t ready_ = 0;  // … of those in lines that may be given out …
  size_t out_ = 0;    // … of those given out
  int burying_ = 0;   // threads inside the host
  std::condition_variable buried_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace cleanmail::bus
