#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/bus/kafka/client.h"

namespace cleanmail::bus::kafka {

// Sees to it that topics are there as their protos say. Thread-safe.
class Topics {
 public:
  using Borrow = std::function<std::shared_ptr<rd_kafka_t>()>;
  // `borrow` lends a client for each errand.
  Topics(const KafkaOptions& options, Borrow borrow);

  // Makes what is missing of these and of their dead-letter twins; compares the rest with the
  // options. FailedPrecondition: a topic is there in another form than its events need.
  // Unavailable: the cluster does not answer.
  absl::Status Ensure(std::vector<TopicOptions> topics, absl::Duration timeout);
  // The same for one that may not have been named at the start; asks the cluster once.
  absl::Status EnsureOne(const TopicOptions& topic);

  // Positions behind the newest event of each partition, -1 … in the order of partitions.
  absl::StatusOr<std::vector<int64_t>> Ends(std::string_view topic, absl::Duration timeout);

  // The cluster's name of a topic.
  std::string NameOf(std::string_view topic) const;
  // As KafkaOptions.topics says, else an ordinary one.
  TopicOptions Known(std::string_view topic) const;

 private:
  struct Wanted {
    TopicOptions topic;
    int partitions = 1;
    std::map<std::string, std::string> settings;
  };
  struct Found {
    int partitions = 0;
    int replicas = 0;
    bool ready = false;  // every partition has a leader
  };
  using FoundTopics = std::map<std::string, Found, std::less<>>;

  Wanted WantedOf(const TopicOptions& topic) const;
  absl::StatusOr<FoundTopics> Find(rd_kafka_t* client, int timeout_ms);
  absl::Status Create(rd_kafka_t* client, const std::vector<Wanted>& wanted, int timeout_ms);
  absl::Status Check(rd_kafka_t* client, const Wanted& wanted, const Found& found, int timeout_ms);
  absl::Status CheckSettings(const Wanted& wanted,
                             const std::map<std::string, std::string>& settings);
  void Warn(std::string_view text) const;

  const KafkaOptions& options_;
  const Borrow borrow_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> ensured_;  // guarded by mutex_
};

}  // namespace cleanmail::bus::kafka
