#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/bus/bus.h"
#include "libs/store/spool/spool.h"

namespace cleanmail::bus {

struct JournalOptions {
  int64_t min_free_bytes = int64_t{1} << 30;  // Accepting() says no below this
  int64_t max_lag = 1'000'000;                // … and when a group is this many events behind
  absl::Duration event_life =
      absl::Hours(24);  // an event stays this long after it was published, finished or not
  absl::Duration dead_letter_life = absl::Hours(30 * 24);
  absl::Duration tombstone_life = absl::Hours(8 * 24);  // of compacted topics
  absl::Duration group_life =
      absl::Hours(7 * 24);  // a group nobody subscribed for this long no longer holds events
  absl::Duration first_retry =
      absl::Milliseconds(100);                    // waiting time of a key, doubled each time …
  absl::Duration last_retry = absl::Seconds(30);  // … up to this
  size_t tail_bytes = 8 << 20;                    // newest events kept in memory per topic
  // Told of each dead letter, for an alert. Called on any thread; must be quick.
  std::function<void(std::string_view topic, std::string_view group, const absl::Status& reason)>
      on_dead_letter = nullptr;
};

// The bus of one process, over its spool. Beyond Bus: a group has one subscription per topic at a
// time (AlreadyExists). Events of one key that wait in line may come in one batch; when one of them
// is to be tried again, those behind it come again as well. Subscriptions must be destroyed before
// the journal; an Inbound may be finished later, without effect. Thread-safe.
class Journal final : public Bus {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Create(spool::Spool& spool,
                                                         const base::Clock& clock,
                                                         JournalOptions options = {});
  ~Journal() override;

  void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                          BatchHandler handler) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Follow(
      std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) override;
  absl::StatusOr<int64_t> NewestPosition(std::string_view topic) override;
  absl::Status Accepting() override;

  // Deletes events that are older than their life and finished by all known groups. Called by one
  // timer, about once a minute.
  absl::Status Trim();
  // Events moved to dead-letter twins since the start.
  int64_t dead_letters() const;

 private:
  class Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanmail::bus
