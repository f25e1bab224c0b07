#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/bus/journal_record.h"
#include "libs/bus/key_lines.h"
#include "libs/store/spool/spool.h"

namespace cleanmail::bus {

// Whoever reads a topic as it grows.
class Listener {
 public:
  virtual ~Listener() = default;
  // Events have come. Called on the committer's thread: must be quick.
  virtual void Wake(std::span<const EventRef> events) = 0;
  // The next position it will read; what lies before is not kept in memory for it.
  virtual int64_t cursor() const = 0;
};

// One topic: its newest events in memory, all of them in the spool. Thread-safe.
class JournalTopic {
 public:
  // `next`: the first position that was never used.
  JournalTopic(spool::Spool& spool, std::string name, int64_t next, size_t tail_bytes);

  const std::string& name() const { return name_; }
  // The position of the next event; the journal calls it under its own lock, in the order of its
  // commits.
  int64_t Reserve() { return next_++; }
  // Every position below `end` is settled: `events` (ascending, behind all earlier ones) are in the
  // spool, others never will be.
  void Announce(std::vector<EventRef> events, int64_t end);
  // Everything below it is settled.
  int64_t end() const;

  using Page = EventSource::Page;
  // At most `limit` settled events at or behind `position`, in order.
  absl::StatusOr<Page> Read(int64_t position, size_t limit);
  absl::StatusOr<EventRef> ReadOne(int64_t position);

  void Add(std::shared_ptr<Listener> listener);
  void Remove(const Listener* listener);

 private:
  using Listeners = std::vector<std::shared_ptr<Listener>>;
  absl::StatusOr<Page> ReadSpool(int64_t position, int64_t end, size_t limit);
  void DropTail();

  spool::Spool& spool_;
  const std::string name_;
  const size_t tail_limit_;
  int64_t next_;

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  int64_t end_;
  int64_t tail_start_;  // every settled event at or behind it is in tail_
  std::deque<EventRef> tail_;
  size_t tail_bytes_ = 0;
  std::shared_ptr<const Listeners>
      listeners_;  // replaced, never changed: Announce wakes them without the lock
};

}  // namespace cleanmail::bus
