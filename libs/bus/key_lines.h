#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libs/bus/bus.h"
#include "libs/bus/event.h"

namespace cleanmail::bus {

// What lines ask of the consumer that owns them. Thread-safe.
class LinesHost {
 public:
  virtual ~LinesHost() = default;
  // Some mark has moved: note it soon. Called under the lines' lock; must be quick.
  virtual void MarkMoved() = 0;
  // A partition that was full has room again. Called under the lines' lock; must be quick.
  virtual void RoomAgain() {}
  // Keeps an event nobody can handle; `done` is called once, on any thread.
  virtual void BuryDead(const EventRef& event, const absl::Status& reason,
                        std::function<void(absl::Status)> done) = 0;
};

// A log whose events can be read again. Lines that have one fetch from it by themselves, as
// partition 0; others are fed with Add.
class EventSource {
 public:
  struct Page {
    std::vector<EventRef> events;
    int64_t next = 0;  // where to go on
  };
  virtual ~EventSource() = default;
  // At most `limit` events at or behind `position`, in order.
  virtual absl::StatusOr<Page> Read(int64_t position, size_t limit) = 0;
  // NotFound: a newer event of its key has replaced it.
  virtual absl::StatusOr<EventRef> ReadOne(int64_t position) = 0;
};

struct LinesOptions {
  int workers = 1;
  size_t batch = 64;                  // events given to the handler at once, at most
  size_t window = 4096;               // events given out and not finished, at most
  std::chrono::microseconds rest{0};  // of a worker after a batch that was not full
  size_t held = 4096;     // fed events of one partition that are not finished; then it is full
  size_t span = 250'000;  // … and from its mark to its newest event
  std::chrono::milliseconds first_retry{100};    // waiting time of a key, doubled each time …
  std::chrono::milliseconds last_retry{30'000};  // … up to this
};

// How a group reads: events of one key form a line; what is given out of a line comes from its
// front and is given out at once or not at all; the rest waits until all of that is finished, and a
// line whose front must be tried again waits alone. A line belongs to one worker. A partition's
// mark is the first position that is not finished. Thread-safe.
//
// With a source, each worker fetches for all when it looks for work, so that a new event wakes no
// thread but the one that will handle it.
class KeyLines : public std::enable_shared_from_this<KeyLines> {
 public:
  // `source` may be null. Host and source must outlive Detach.
  KeyLines(LinesHost& host, EventSource* source, LinesOptions options, BatchHandler handler);

  void Start();
  // Ends the workers; nothing is handled afterwards.
  void Stop();
  // After it neither host nor source is used any more.
  void Detach();

  // A partition comes, with the position of its first event (-1: not known).
  void AddPartition(int32_t partition, int64_t start);
  // Gives out nothing more of these, waits for what is given out, at most `patience`, and forgets
  // them: what is finished later has no effect. Returns their marks.
  std::vector<std::pair<int32_t, int64_t>> Retire(std::span<const int32_t> partitions,
                                                  std::chrono::milliseconds patience);
  // Takes in events of one partition, ascending. False: they lie before what it has had; nothing is
  // taken. Those of a partition that is not here are dropped.
  bool Add(int32_t partition, std::vector<EventRef> events);
  // Whether a partition may be fed. After a no, RoomAgain is called once it may.
  bool HasRoom(int32_t partition);
  // The source has new events.
  void Wake(std::span<const EventRef> events);

  void SetPaused(bool paused);
  // Events given out and not finished.
  size_t in_hand() const;
  // Events taken in and not finished.
  size_t held() const;
  // Everything before it is finished; of partition 0.
  int64_t mark() const;
  struct Standing {
    int32_t partition = 0;
    int64_t mark = 0;  // -1: not known
    int64_t next = 0;  // position of the next event to take in, -1: not known
    size_t held = 0;
  };
  std::vector<Standing> standings() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Partition;
  struct Slot {
    EventRef event;  // null: to be read again, it stood far behind in a line that waits
    int64_t position = 0;
    int attempts = 0;
    std::optional<absl::Status> result;
  };
  struct Line {
    enum { kReady, kOut, kWaiting } state = kReady;
    Partition* partition = nullptr;
    std::vector<Slot> slots;
    size_t out = 0;         // slots given out, from the front
    size_t unfinished = 0;  // of those
    size_t worker = 0;
    Time due;
  };
  using Lines = std::unordered_map<std::string, Line>;
  struct Partition {
    int32_t id = 0;
    int64_t next = 0;
    bool retired = false;  // gives out nothing more
    bool gone = false;     // forgotten
    bool full = false;     // HasRoom said no
    Lines lines;
    std::deque<std::pair<int64_t, bool>> open;  // taken in and not before the mark: position, done
    size_t slots = 0;                           // taken in and not finished …
    size_t out = 0;                             // … of those given out
    int64_t mark() const { return open.empty() ? next : open.front().first; }
  };
  struct Worker {
    std::condition_variable wake;
    bool idle = false;
    std::deque<Lines::value_type*> ready;
    std::multimap<Time, Lines::value_type*> waiting;
    std::thread thread;
  };
  struct Letter {
    std::shared_ptr<Partition> partition;
    std::string key;
    EventRef event;
    absl::Status reason;
  };
  class Given;

  void Run(size_t worker);
  void Fetch(std::unique_lock<std::mutex>& lock);
  void Enqueue(Partition& partition, EventRef event);
  void WakeWorker(Worker& worker);
  void MoveDue(Worker& worker);
  std::vector<std::unique_ptr<Inbound>> TakeBatch(Worker& worker, std::vector<Letter>& letters);
  bool LoadFront(Line& line, size_t count);
  void WakeStarved();
  void WaitFor(Lines::value_type& entry, int attempts);
  void TryWaitingSoon();
  void Finish(const std::shared_ptr<Partition>& partition, const std::string& key, int64_t position,
              absl::Status status);
  void Resolve(Lines::value_type& entry, std::vector<Letter>& letters);
  void Complete(Partition& partition, int64_t position);
  void Forget(Partition& partition);
  bool IsFull(const Partition& partition, size_t part) const;
  void Bury(std::vector<Letter> letters);
  std::shared_ptr<Partition> Find(int32_t partition) const;

  const LinesOptions options_;
  BatchHandler handler_;

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  LinesHost* host_;
  EventSource* source_;
  bool stopping_ = false;
  bool paused_ = false;
  bool starved_ = false;   // a fetch stopped at the window
  bool fetching_ = false;  // one worker is reading
  bool news_ = false;      // events have come since it began to
  Time read_again_;        // after a failure to read
  std::map<int32_t, std::shared_ptr<Partition>> partitions_;
  size_t slots_ = 0;  // taken in and not finished …
  size_t ready_ = 0;  // … of those in lines that may be given out …
  size_t out_ = 0;    // … of those given out
  int burying_ = 0;   // threads inside the host
  std::condition_variable buried_;
  std::condition_variable returned_;  // of a retired partition all that was out is finished
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace cleanmail::bus
