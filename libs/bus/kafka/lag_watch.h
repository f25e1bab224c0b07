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

#include "libs/bus/kafka/topics.h"

namespace cleanmail::bus::kafka {

// Looks from time to time how far the groups are behind that read the topics this process publishes
// to, so that it stops taking mail when others no longer keep up. Groups without a living member do
// not count: a room that was removed must not stop the mail. Thread-safe.
class LagWatch {
 public:
  LagWatch(const KafkaOptions& options, Topics& topics, Topics::Borrow borrow);
  ~LagWatch();

  // This process publishes to it.
  void Published(std::string_view topic);
  // ResourceExhausted: a group is more than options.max_lag events behind.
  absl::Status Check() const;

 private:
  void Run();
  absl::Status Look(const std::string& topic, const std::vector<std::string>& groups);
  absl::StatusOr<std::vector<std::string>> LiveGroups();
  // Sum over partitions of what the group has not noted.
  absl::StatusOr<int64_t> LagOf(const std::string& group, const std::string& topic_name,
                                const std::vector<int64_t>& ends);

  const KafkaOptions& options_;
  Topics& topics_;
  const Topics::Borrow borrow_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // these three guarded by mutex_
  std::set<std::string, std::less<>> published_;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace cleanmail::bus::kafka
