#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libs/bus/kafka/client.h"
#include "libs/bus/kafka/topics.h"

namespace cleanmail::bus::kafka {

// Looks from time to time how far the groups are behind that read the topics this process publishes
// to, so that it stops taking mail when others no longer keep up. Groups without a living member do
// not count: a room that was removed must not stop the mail. Thread-safe.
class LagWatch final : private ClientOwner {
 public:
  static absl::StatusOr<std::unique_ptr<LagWatch>> Create(const KafkaOptions& options,
                                                          Topics& topics);
  ~LagWatch() override;

  // This process publishes to it.
  void Published(std::string_view topic);
  // ResourceExhausted: a group is more than options.max_lag events behind.
  absl::Status Check() const;

 private:
  LagWatch(const KafkaOptions& options, Topics& topics) : ClientOwner(options), topics_(topics) {}
  void Run();
  absl::Status Look(const std::string& topic, const std::vector<std::string>& groups);
  absl::StatusOr<std::vector<std::string>> LiveGroups();
  // Sum over partitions of what the group has not noted.
  absl::StatusOr<int64_t> LagOf(const std::string& group, const std::string& topic_name,
                                const std::vector<int64_t>& ends);

  Topics& topics_;
  // Of a consumer with a group, though it never joins one: librdkafka 2.0's OffsetFetch, told "not
  // coordinator", refers to its client's group without looking whether there is one.
  Owned<rd_kafka_t> client_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // these three guarded by mutex_
  std::set<std::string, std::less<>> published_;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace cleanmail::bus::kafka
