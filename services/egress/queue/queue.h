#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/directory/directory.h"
#include "libs/outbox/outbox.h"
#include "libs/telemetry/log.h"
#include "services/egress/delivery/courier.h"
#include "services/egress/queue/gate.h"
#include "services/egress/queue/settlement.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

struct QueueOptions {
  GateOptions gate;
  int connections = 500;
  SettlementOptions settlement;
};

// What a queue is made of. All outlive it.
struct QueueParts {
  Store& store;
  sql::Members& members;
  outbox::Outbox& outbox;
  Courier& courier;
  const Router& router;
  blob::BlobStore& blobs;
  net::Loops& loops;
  base::Clock& clock;
  base::Random& random;
  telemetry::Log& mail_log;
  telemetry::Log& log;
  Metrics& metrics;
  const directory::Directory& directory;
};

// Deliveries, durable from Add to their end. In memory are those being worked on and a bounded
// number of those that come next; the others wait in the table. A delivery's place among the
// connections is free only once its end is durable, so that what a kill can cause to be sent twice
// is at most what was on those connections. Until the directory is complete nothing is delivered: a
// route that is not known yet must not be taken for none. What is for a destination its tenant has
// switched off is parked in the table; switched on again, the oldest goes first, over few
// connections at the beginning. Thread-safe.
class Queue {
 public:
  Queue(QueueParts parts, QueueOptions options)
      : parts_(parts),
        options_(std::move(options)),
        gate_(parts.directory, parts.clock, options_.gate) {}

  // Durable when it returns OK. A delivery that is there already, finished or not, is passed over;
  // one whose destination is switched off is parked.
  absl::Status Add(std::vector<Delivery> deliveries);
  // Ends a delivery that shall not be tried, with `reply` for its recipients: what follows is as
  // after an attempt.
  absl::Status Refuse(Delivery delivery, const std::string& reply);
  // Shows that this instance is alive, and takes over what dead ones had claimed; takes from the
  // table what is due, and what waited for a route that is there now; closes idle connections;
  // tries again to write what could not be. Called by a timer, once a second.
  void Tick();
  // Deletes rows that ended long ago. Called by a timer.
  void ForgetFinished();
  // Starts nothing more; returns when nothing is in hand, or at the deadline.
  void Drain(absl::Time deadline);

 private:
  static constexpr size_t kMostInMemory = 10'000;

  // A destination of a tenant.
  struct Destination {
    std::deque<Delivery> waiting;
    int workers = 0;
    struct Idle {
      std::unique_ptr<Session> session;
      absl::Time since;
    };
    std::vector<Idle> idle;
  };
  // An attempt whose end is not yet durable.
  struct Ended {
    Settlement settlement;
    absl::AnyInvocable<void(absl::Status) &&> recorded;
  };

  void Enqueue(std::vector<Delivery> deliveries);
  void WantWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  net::Task<void> Work(net::Loop& loop, std::string key, std::unique_ptr<Session> session);
  std::optional<Delivery> Next(const std::string& key, std::unique_ptr<Session>& session);
  void Record(Ended ended);
  void RecordAll();
  absl::Status Write(std::vector<Ended>& batch);
  void Count(const Settlement& settlement);
  void TendClaims(bool has_recorded);
  void DropWaiting();
  // Notes whether a transaction that claims may have been kept though it failed: what it claimed
  // would be nobody's in memory. TendClaims then begins anew under another name.
  void NoteClaim(const absl::Status& claimed);
  bool RecordWhatWaits();
  void TakeDue();
  void CloseIdle();
  void TendParked();
  void TendRouteless();
  void ExpireParked(const Store::ParkedDestination& which);
  absl::Duration LifeOf(const Delivery& delivery);
  bool IsOff(const Delivery& delivery);

  const QueueParts parts_;
  const QueueOptions options_;
  absl::Mutex mutex_;
  Gate gate_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Destination> destinations_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> starved_
      ABSL_GUARDED_BY(mutex_);  // destinations that want a worker, in turn
  size_t in_memory_ ABSL_GUARDED_BY(mutex_) = 0;
  int workers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool recording_ ABSL_GUARDED_BY(mutex_) = false;
  bool claims_doubtful_ ABSL_GUARDED_BY(mutex_) = false;
  bool claims_left_ ABSL_GUARDED_BY(mutex_) = false;  // under names that were given up
  std::vector<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  // Tenants and domains of their own for which an attempt found no route.
  std::set<std::pair<std::string, std::string>> routeless_ ABSL_GUARDED_BY(mutex_);
  // Tick's own.
  uint64_t directory_seen_ = 0;
  absl::Time parked_seen_ = absl::InfinitePast();
  absl::Time claims_seen_ = absl::InfinitePast();
};

}  // namespace cleanmail::egress
