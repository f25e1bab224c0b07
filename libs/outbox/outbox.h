#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "libs/store/sql/database.h"

namespace cleanmail::outbox {

// Events written in the same transaction as the rows they tell of, sent by a relay at least once,
// in the order of the commits of those that changed a common row. Several processes may write to
// one schema; one of them sends, another does within 5 s of its death. Its table `outbox` is made
// by Migration(); each service that uses it lists that among its migrations.
class Outbox {
 public:
  // Starts the relay, which sends what an earlier process left. After a page that was not full it
  // rests for `rest`: for rooms that say something of every message, and nobody waits for it.
  static std::unique_ptr<Outbox> Create(sql::Database& database, bus::Bus& bus,
                                        absl::Duration rest = absl::ZeroDuration());
  virtual ~Outbox() = default;

  // Writes `record` in the transaction of `session`. After the commit call Nudge().
  virtual absl::Status Add(sql::Session& session, const bus::Record& record) = 0;
  // Tells the relay that something may be waiting. Without it the relay looks once a second, and
  // ten times a second where other processes may write as well. Thread-safe.
  virtual void Nudge() = 0;
  // Sends what waits now; returns once it is all published, by whomever. For tests and drain.
  virtual absl::Status Flush() = 0;
};

// The SQL that makes the outbox table; give it a version of your own.
extern const std::string_view kMigration;

}  // namespace cleanmail::outbox
