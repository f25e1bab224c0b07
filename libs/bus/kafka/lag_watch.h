#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
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
  bool Stopping() const;
  absl::Status Look(const std::string& topic, const std::vector<std::string>& groups);
  absl::StatusOr<std::vector<std::string>> LiveGroups();
  // Sum over partitions of what the group has not noted.
  absl::StatusOr<int64_t> LagOf(const std::string& group, const std::string& topic_name,
                                const std::vector<int64_t>& ends);
  absl::StatusOr<rd_kafka_t*> ClientOf(const std::string& group);

  Topics& topics_;
  Owned<rd_kafka_t> client_;  // asks which groups there are
  // A client a group, which asks for the group's positions and never joins it. One client could ask
  // for all groups; librdkafka 2.0's uses memory it has given back when a coordinator has moved.
  std::map<std::string, Owned<rd_kafka_t>> of_groups_;  // thread_'s
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // these three guarded by mutex_
  std::set<std::string, std::less<>> published_;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace cleanmail::bus::kafka
