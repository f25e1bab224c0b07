#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "services/policy/history/store.h"
#include "services/policy/metrics.h"
#include "services/policy/rule_book.h"

namespace cleanmail::policy::history {

// Takes down what is judged, in batches beside the mail: a judgement whose process loses power within
// a moment may be missing, the mail itself never. Thread-safe.
class Memory {
 public:
  Memory(Store& store, const RuleBook& book, const base::Clock& clock, Metrics& metrics)
      : store_(store), book_(book), clock_(clock), metrics_(metrics) {}

  // Never waits. Beyond 20,000 that wait, further ones are dropped and counted.
  void Note(const v1::Judged& judged);
  // Writes what waits; called by a timer and when the process drains.
  absl::Status Write();
  // Forgets what is older than each tenant wants; called by a timer.
  absl::Status Forget();

 private:
  Store& store_;
  const RuleBook& book_;
  const base::Clock& clock_;
  Metrics& metrics_;
  absl::Mutex mutex_;
  std::vector<sql::Parameters> waiting_ ABSL_GUARDED_BY(mutex_);
};

// The facts without what is long and no rule is likely to ask: trace fields and signatures; values
// cut to 200 bytes.
mail::v1::MessageFacts Shortened(const mail::v1::MessageFacts& facts);

// The smallest id a message accepted at that time can have (UUIDv7, RFC 9562 §5.7).
std::string FirstIdAt(absl::Time time);

}  // namespace cleanmail::policy::history
