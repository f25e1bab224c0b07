#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "libs/bus/kafka/client.h"
#include "libs/bus/key_lines.h"

namespace cleanmail::bus::kafka {

// What a consumer needs of the bus that made it.
struct ConsumerSetting {
  std::string topic_name;  // the cluster's
  std::string group_name;  // the cluster's
  // Where a group without a position begins, by partition; what is not named begins at its oldest.
  std::vector<int64_t> starts;
  // Lends a client whose connections wait for nothing else, for questions.
  std::function<std::shared_ptr<rd_kafka_t>()> borrow;
  // Keeps an event nobody can handle; `done` is called once, on any thread.
  std::function<void(const EventRef& event, const absl::Status& reason,
                     std::function<void(absl::Status)> done)>
      bury;
};

// A member of a consumer group of one topic: one thread polls and feeds the lines, the lines'
// workers handle. Positions are committed up to the mark of each partition.
class Consumer final : public Subscription, public ClientOwner, public LinesHost {
 public:
  static absl::StatusOr<std::unique_ptr<Consumer>> Create(const KafkaOptions& options,
                                                          SubscriptionOptions subscription,
                                                          ConsumerSetting setting,
                                                          BatchHandler handler);
  // Takes three seconds at most, also when no broker answers; ten more while brokers answer and the
  // member has not been given its first partitions: until then librdkafka 2.0 cannot end it.
  ~Consumer() override;

  // Whether partitions (perhaps none) have been given to this member, waiting for it.
  bool WaitForAssignment(absl::Duration most);

  void Pause() override { lines_->SetPaused(true); }
  void Resume() override { lines_->SetPaused(false); }
  size_t in_hand() const override { return lines_->in_hand(); }
  // Of the partitions this member has.
  int64_t lag() const override;

  void OnLine(int level, std::string_view kind, std::string_view text) override;
  void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                   rd_kafka_topic_partition_list_t* partitions) override;
  void OnCommitted(rd_kafka_resp_err_t error) override;

  void MarkMoved() override { moved_ = true; }
  void RoomAgain() override;
  void BuryDead(const EventRef& event, const absl::Status& reason,
                std::function<void(absl::Status)> done) override;

 private:
  using Clock = std::chrono::steady_clock;
  using Marks = std::map<int32_t, int64_t>;

  Consumer(const KafkaOptions& options, ConsumerSetting setting)
      : ClientOwner(options), setting_(std::move(setting)) {}
  void Run();
  void AwaitFirstAssignment();
  void CommitLast();
  void Leave();
  void Collect(rd_kafka_message_t* message);
  void Feed();
  void SetFlowing(const std::vector<int32_t>& partitions, bool flowing);
  void Assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions);
  void Revoke(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions);
  void FindStarts(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions);
  bool MayCommit() const { return steady_ && coordinated_; }
  Marks NewMarks();
  void Commit();
  void CommitAndWait(const Marks& marks, std::chrono::milliseconds most);
  void RefreshEnds();
  Owned<rd_kafka_topic_partition_list_t> ListOf(const Marks& marks) const;
  Owned<rd_kafka_topic_partition_list_t> ListOf(const std::vector<int32_t>& partitions) const;

  const ConsumerSetting setting_;
  Owned<rd_kafka_t> client_;
  Owned<rd_kafka_queue_t> queue_;
  std::shared_ptr<KeyLines> lines_;  // shared with the events it gave out
  std::atomic<bool> stopping_{false};
  std::atomic<bool> moved_{false};
  std::atomic<bool> steady_{false};       // the group is not being shared out anew
  std::atomic<bool> was_steady_{false};   // it has been
  std::atomic<bool> coordinated_{false};  // the group's coordinator is connected
  std::thread thread_;

  // Used by the thread that polls (and by the destructor once it has ended).
  std::map<int32_t, std::vector<EventRef>> collected_;
  std::set<int32_t> stopped_;  // partitions that are full
  Marks committed_;            // sent, perhaps not answered
  int unanswered_ = 0;         // commits nobody waits for
  bool closing_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool assigned_once_ = false;  // these two guarded by mutex_
  std::map<int32_t, int64_t> ends_;
};

}  // namespace cleanmail::bus::kafka
