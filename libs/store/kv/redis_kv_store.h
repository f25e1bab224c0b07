#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/store/kv/kv_store.h"

namespace cleanmail::kv {

struct RedisOptions {
  // "name:port" each; tried in turn until one takes writes.
  std::vector<std::string> addresses = {};
  std::string user = {};
  std::string password = {};
  std::string prefix = "cleanmail:";  // of all keys: one per deployment
  // A call that has no answer by then is answered from memory.
  absl::Duration deadline = absl::Milliseconds(50);
  absl::Duration connect_timeout = absl::Seconds(1);
  size_t fallback_entries = 100'000;
  // Told when Redis is lost (true) and found again (false), on a thread of the store; for a metric
  // and a log line. Must be quick.
  std::function<void(bool degraded)> on_change = {};
};

// A store in Redis, shared by all processes of a deployment. One connection; what several threads
// ask while it is busy travels together. Calls never fail because Redis is away: they are then
// answered from this process's memory (its own counters, nothing cached), at once while Redis is
// known to be away, after the deadline where it has just gone. What was deleted meanwhile is
// deleted in Redis before anything else is asked there again. Thread-safe.
class RedisKvStore : public KvStore {
 public:
  // Whether calls are answered from memory now.
  virtual bool degraded() const = 0;
  // Calls answered from memory since the start.
  virtual int64_t fallbacks() const = 0;
};

// Waits for the first connection, `connect_timeout` at most; Redis need not be there.
// InvalidArgument: an address that is none. `clock` must outlive the store.
absl::StatusOr<std::unique_ptr<RedisKvStore>> OpenRedis(RedisOptions options,
                                                        const base::Clock& clock);

}  // namespace cleanmail::kv
