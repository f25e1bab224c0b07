#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::bus {

// What the `topic` option of an event's proto says (proto/cleanmail/bus/v1/options.proto).
struct TopicOptions {
  std::string name;
  bool compacted = false;
  bool flushed = false;
};

// One event in bytes. libs/bus/events.h makes these of typed events.
struct Record {
  TopicOptions topic;
  std::string key;
  std::string payload;
  std::string trace;       // W3C traceparent, may be empty
  bool tombstone = false;  // compacted topics: the resource is gone
};

// Events that become visible together, and the bodies they name.
struct Publication {
  std::vector<Record> records;
  std::vector<std::unique_ptr<blob::Finished>> bodies;  // made durable with or before the records
};

// An event on its way to one consumer. Finish must be called exactly once, on any thread; dropping
// it unfinished counts as Unavailable ("later").
class Inbound {
 public:
  virtual ~Inbound() = default;
  virtual const std::string& key() const = 0;
  virtual const std::string& payload() const = 0;
  virtual const std::string& trace() const = 0;
  virtual int64_t position() const = 0;
  // How often this event has been given out since this process started, from 1.
  virtual int attempt() const = 0;
  // OK: done, never again. Unavailable, Aborted, DeadlineExceeded, ResourceExhausted: this key
  // waits and is tried again, other keys go on. Anything else: to the dead-letter twin with the
  // reason.
  virtual void Finish(absl::Status status) = 0;
};

using BatchHandler = absl::AnyInvocable<void(std::vector<std::unique_ptr<Inbound>>)>;

struct SubscriptionOptions {
  std::string topic;
  std::string group;  // one position per group: a service's name
  int workers = 0;    // threads that run the handler, 0: the process's setting; one key is always
                      // handled by one of them, in order
  size_t batch = 64;  // events given to the handler at once, at most
  size_t window = 4096;  // events given out and not finished, at most; then the topic pauses
  // After a batch that was not full a worker rests so long: what comes meanwhile is handled
  // together. For readers whom nobody waits for; what comes after a pause is handled at once.
  absl::Duration rest = absl::ZeroDuration();
  bool from_start =
      true;  // a group without a position begins at the oldest event (else at the newest)
};

// Handed out by Subscribe; destroying it stops the consumer: no handler runs after the destructor
// has returned.
class Subscription {
 public:
  virtual ~Subscription() = default;
  // Stops or goes on giving out events; what was given out may still be finished.
  virtual void Pause() = 0;
  virtual void Resume() = 0;
  // Events given out and not finished.
  virtual size_t in_hand() const = 0;
  // Events published and not finished, of what this subscription reads; events that others have
  // just published may count a second late.
  virtual int64_t lag() const = 0;
};

// A change of a compacted topic, as a follower sees it.
struct Change {
  std::string key;
  std::string payload;
  bool tombstone = false;
  int64_t position = 0;
};

// Events between rooms, at least once, in order per key. Thread-safe.
class Bus {
 public:
  virtual ~Bus() = default;
  // `done` is called exactly once, on a thread of the bus, once the records will survive what their
  // topic's options promise. Unavailable: nothing of it was kept, try again. ResourceExhausted: the
  // disk is too full.
  virtual void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) = 0;
  virtual absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                                  BatchHandler handler) = 0;
  // Gives every change of a compacted topic after `position` (-1: all), in order, on one thread,
  // without a group, until the result is destroyed.
  virtual absl::StatusOr<std::unique_ptr<Subscription>> Follow(
      std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) = 0;
  // Position of the newest event of a topic, -1 when it has none.
  virtual absl::StatusOr<int64_t> NewestPosition(std::string_view topic) = 0;
  // Whether new mail may be taken: OK, or ResourceExhausted in words (disk, lag).
  virtual absl::Status Accepting() = 0;
};

}  // namespace cleanmail::bus
