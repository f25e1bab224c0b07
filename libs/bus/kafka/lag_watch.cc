#include "libs/bus/kafka/lag_watch.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/bus/kafka/admin.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr absl::Duration kTimeout =
    absl::Seconds(1);  // of each question, so that a bus without a cluster ends soon

}  // namespace

absl::StatusOr<std::unique_ptr<LagWatch>> LagWatch::Create(const KafkaOptions& options,
                                                           Topics& topics) {
  std::unique_ptr<LagWatch> watch(new LagWatch(options, topics));
  CLEANMAIL_ASSIGN_OR_RETURN(watch->client_,
                             NewClient(RD_KAFKA_CONSUMER, options,
                                       {{"group.id", base::Cat(options.prefix, "lag-watch")},
                                        {"enable.auto.commit", "false"}},
                                       *watch));
  watch->thread_ = std::thread([self = watch.get()] { self->Run(); });
  return watch;
}

LagWatch::~LagWatch() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

void LagWatch::Published(std::string_view topic) {
  if (topic.ends_with(DeadTopicOf(""))) return;
  std::lock_guard lock(mutex_);
  if (!published_.contains(topic)) published_.emplace(topic);
}

absl::Status LagWatch::Check() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool LagWatch::Stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void LagWatch::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_for(lock, absl::ToChronoMilliseconds(options_.lag_interval),
                   [this] { return stopping_; });
    if (stopping_) return;
    rd_kafka_poll(client_.get(), 0);  // what it logs
    const std::set<std::string, std::less<>> published = published_;
    if (published.empty()) continue;
    lock.unlock();
    absl::Status found;
    const absl::StatusOr<std::vector<std::string>> groups = LiveGroups();
    if (groups.ok()) {
      for (const std::string& topic : published) found.Update(Look(topic, *groups));
      std::erase_if(of_groups_, [&groups](const auto& entry) {
        return std::find(groups->begin(), groups->end(), entry.first) == groups->end();
      });
    }
    lock.lock();
    // A cluster that does not answer is told of by who publishes.
    if (groups.ok()) status_ = std::move(found);
  }
}

absl::StatusOr<std::vector<std::string>> LagWatch::LiveGroups() {
  rd_kafka_t* const client = client_.get();
  CLEANMAIL_ASSIGN_OR_RETURN(
      const Owned<rd_kafka_event_t> event,
      AskAdmin(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, Millis(kTimeout),
               [&](rd_kafka_AdminOptions_t* asked, rd_kafka_queue_t* queue) {
                 rd_kafka_ListConsumerGroups(client, asked, queue);
               }));
  size_t count = 0;
  const rd_kafka_ConsumerGroupListing_t** all = rd_kafka_ListConsumerGroups_result_valid(
      rd_kafka_event_ListConsumerGroups_result(event.get()), &count);
  std::vector<std::string> live;
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupListing_state(all[i]);
    if (state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY || state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
      continue;
    live.emplace_back(rd_kafka_ConsumerGroupListing_group_id(all[i]));
  }
  return live;
}

absl::Status LagWatch::Look(const std::string& topic, const std::vector<std::string>& groups) {
  absl::StatusOr<std::vector<int64_t>> ends = topics_.Ends(topic, kTimeout);
  if (!ends.ok()) return absl::OkStatus();  // told of by who publishes
  const std::string suffix = base::Cat(".", topic);
  for (const std::string& group : groups) {
    if (!group.starts_with(options_.prefix) || !group.ends_with(suffix)) continue;
    if (Stopping()) break;
    const absl::StatusOr<int64_t> lag = LagOf(group, topics_.NameOf(topic), *ends);
    if (lag.ok() && *lag > options_.max_lag) {
      return absl::ResourceExhaustedError(
          base::Cat("kafka: the group ", group, " is ", *lag, " events behind"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> LagWatch::LagOf(const std::string& group, const std::string& topic_name,
                                        const std::vector<int64_t>& ends) {
  CLEANMAIL_ASSIGN_OR_RETURN(rd_kafka_t* const client, ClientOf(group));
  const Owned<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(ends.size())));
  for (size_t i = 0; i < ends.size(); ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic_name.c_str(), static_cast<int32_t>(i));
  rd_kafka_poll(client, 0);  // what it logs
  if (const auto error = rd_kafka_committed(client, list.get(), Millis(kTimeout));
      error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return ToStatus(error, base::Cat("the positions of ", group));
  int64_t lag = 0;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    const auto partition = static_cast<size_t>(each.partition);
    // A group without a position begins somewhere it has not said yet: nothing is counted.
    if (each.offset < 0 || partition >= ends.size()) continue;
    lag += std::max<int64_t>(0, ends[partition] - each.offset);
  }
  return lag;
}

absl::StatusOr<rd_kafka_t*> LagWatch::ClientOf(const std::string& group) {
  Owned<rd_kafka_t>& client = of_groups_[group];
  if (client == nullptr) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        client, NewClient(RD_KAFKA_CONSUMER, options_,
                          {{"group.id", group}, {"enable.auto.commit", "false"}}, *this));
  }
  return client.get();
}

}  // namespace cleanmail::bus::kafka
