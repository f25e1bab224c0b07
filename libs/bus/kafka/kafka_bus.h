#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/bus/bus.h"
#include "libs/bus/kafka/kafka_options.h"

namespace cleanmail::bus::kafka {

// The bus of many processes, over a Kafka cluster. Beyond Bus:
// - A publication is several events that are kept one by one; when some could not be, it fails, and
//   those that were kept will be seen again (counted).
// - Subscriptions of one group share the topic's partitions; positions count within one partition,
//   so Follow and NewestPosition are for compacted topics, which have one.
// - An Inbound whose partition has moved to another process may be finished, without effect.
// Subscriptions must be destroyed before the bus; each takes three seconds at most to go, whatever
// the cluster does. Thread-safe.
class KafkaBus final : public Bus {
 public:
  // Unavailable: the cluster does not answer within options.start_timeout; FailedPrecondition: a
  // topic is there in a form its events cannot live in; InvalidArgument: a setting is wrong.
  static absl::StatusOr<std::unique_ptr<KafkaBus>> Create(KafkaOptions options,
                                                          const base::Clock& clock);
  ~KafkaBus() override;

  // Also Internal: a body is not kept yet; InvalidArgument: an event is too large. The first event
  // of a topic that KafkaOptions.topics does not name makes the topic, and the caller waits for it.
  void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                          BatchHandler handler) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Follow(
      std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) override;
  // FailedPrecondition: the topic has several partitions.
  absl::StatusOr<int64_t> NewestPosition(std::string_view topic) override;
  absl::Status Accepting() override;

  // Since the start, but for queued.
  struct Counts {
    int64_t queued = 0;        // events published and not acknowledged
    int64_t partly_kept = 0;   // publications that failed and of which some events were kept
    int64_t reconnects = 0;    // connections of the producer after the first to each broker
    int64_t dead_letters = 0;  // events moved to dead-letter twins
  };
  Counts counts() const;

 private:
  class Impl;
  explicit KafkaBus(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanmail::bus::kafka
