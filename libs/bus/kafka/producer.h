#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "libs/bus/kafka/client.h"

namespace cleanmail::bus::kafka {

// The one idempotent producer of a process, and the thread that serves it. Thread-safe.
class Producer final : public ClientOwner {
 public:
  static absl::StatusOr<std::unique_ptr<Producer>> Create(const KafkaOptions& options);
  // Waits some seconds for what is not acknowledged, then fails it.
  ~Producer() override;

  // See Bus::Publish. Also Internal: a body of the publication is not kept yet; InvalidArgument: an
  // event is larger than options.max_event_bytes.
  void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done);
  // Calls `done` with `status` as Publish would.
  void Refuse(absl::Status status, absl::AnyInvocable<void(absl::Status) &&> done);
  absl::Status Accepting() const;
  // The client, for questions to the cluster.
  std::shared_ptr<rd_kafka_t> client() const;

  int64_t queued() const { return queued_.load(std::memory_order_relaxed); }
  int64_t partly_kept() const { return partly_kept_.load(std::memory_order_relaxed); }
  int64_t reconnects() const { return reconnects_.load(std::memory_order_relaxed); }

  void OnFatal() override { broken_ = true; }
  void OnStatistics(std::string_view json) override;
  void OnDelivered(const rd_kafka_message_t& message) override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Outgoing;

  explicit Producer(const KafkaOptions& options);
  absl::StatusOr<std::shared_ptr<rd_kafka_t>> NewProducer();
  void Run();
  void Replace();
  absl::Status Send(rd_kafka_t* client, const Record& record, Outgoing* outgoing);
  void Settle(Outgoing* outgoing, absl::Status status, bool last = false);
  void CallEnded();

  std::atomic<bool> broken_{false};  // the client has failed for good: a new one is needed
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> queued_{0};
  std::atomic<int64_t> partly_kept_{0};
  std::atomic<int64_t> reconnects_{0};
  std::atomic<Time> reachable_at_;

  mutable std::mutex mutex_;
  std::shared_ptr<rd_kafka_t> client_;            // guarded by mutex_
  std::vector<std::unique_ptr<Outgoing>> ended_;  // guarded by mutex_: `done` is to be called
  std::thread thread_;
};

}  // namespace cleanmail::bus::kafka
