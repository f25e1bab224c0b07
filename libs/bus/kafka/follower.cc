#include "libs/bus/kafka/follower.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr int kPollMs = 100;
constexpr int32_t kPartition = 0;

}  // namespace

absl::StatusOr<std::unique_ptr<Follower>> Follower::Create(
    const KafkaOptions& options, const std::string& topic_name, int64_t position,
    absl::AnyInvocable<void(Change)> handler) {
  std::unique_ptr<Follower> follower(
      new Follower(options, topic_name, position, std::move(handler)));
  CLEANMAIL_ASSIGN_OR_RETURN(follower->client_, NewClient(RD_KAFKA_CONSUMER, options,
                                                          {{"auto.offset.reset", "earliest"},
                                                           {"check.crcs", "true"},
                                                           {"fetch.error.backoff.ms", "50"},
                                                           {"queued.min.messages", "2000"},
                                                           {"queued.max.messages.kbytes", "16384"}},
                                                          *follower));
  follower->topic_.reset(rd_kafka_topic_new(follower->client_.get(), topic_name.c_str(), nullptr));
  const int64_t start = position < 0 ? RD_KAFKA_OFFSET_BEGINNING : position + 1;
  if (follower->topic_ == nullptr ||
      rd_kafka_consume_start(follower->topic_.get(), kPartition, start) != 0) {
    return ToStatus(rd_kafka_last_error(), base::Cat("following ", topic_name));
  }
  follower->thread_ = std::thread([self = follower.get()] { self->Run(); });
  return follower;
}

Follower::~Follower() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  thread_.join();
  rd_kafka_consume_stop(topic_.get(), kPartition);
}

void Follower::Run() {
  while (!stopping_) {
    rd_kafka_poll(client_.get(), 0);
    if (paused_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs / 10));
      continue;
    }
    const Owned<rd_kafka_message_t> message(rd_kafka_consume(topic_.get(), kPartition, kPollMs));
    if (message == nullptr) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Log(4, base::Cat("kafka: following ", topic_name_, ": ",
                       rd_kafka_message_errstr(message.get())));
      continue;
    }
    Change change{.key = {},
                  .payload = {},
                  .tombstone = message->payload == nullptr,
                  .position = message->offset};
    if (message->key != nullptr)
      change.key.assign(static_cast<const char*>(message->key), message->key_len);
    if (message->payload != nullptr)
      change.payload.assign(static_cast<const char*>(message->payload), message->len);
    handler_(std::move(change));
    next_ = message->offset + 1;
  }
}

int64_t Follower::lag() const {
  int64_t low = 0, high = 0;
  rd_kafka_get_watermark_offsets(client_.get(), topic_name_.c_str(), kPartition, &low, &high);
  return std::max<int64_t>(0, high - next_);
}

}  // namespace cleanmail::bus::kafka
