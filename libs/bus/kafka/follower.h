#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "libs/bus/kafka/client.h"

namespace cleanmail::bus::kafka {

// Reads the one partition of a compacted topic from a position on, without a group.
class Follower final : public Subscription, public ClientOwner {
 public:
  static absl::StatusOr<std::unique_ptr<Follower>> Create(const KafkaOptions& options,
                                                          const std::string& topic_name,
                                                          int64_t position,
                                                          absl::AnyInvocable<void(Change)> handler);
  ~Follower() override;

  void Pause() override { paused_ = true; }
  void Resume() override { paused_ = false; }
  size_t in_hand() const override { return 0; }
  int64_t lag() const override;

 private:
  Follower(const KafkaOptions& options, std::string topic_name, int64_t position,
           absl::AnyInvocable<void(Change)> handler)
      : ClientOwner(options),
        topic_name_(std::move(topic_name)),
        handler_(std::move(handler)),
        next_(position + 1) {}
  void Run();

  const std::string topic_name_;
  absl::AnyInvocable<void(Change)> handler_;
  std::atomic<int64_t> next_;
  std::atomic<bool> paused_{false};
  std::atomic<bool> stopping_{false};
  Owned<rd_kafka_t> client_;
  Owned<rd_kafka_topic_t> topic_;
  std::thread thread_;
};

}  // namespace cleanmail::bus::kafka
