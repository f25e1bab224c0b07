#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/bus/kafka/kafka_options.h"

// librdkafka's handles with owners, its errors as Status, its callbacks as methods.
namespace cleanmail::bus::kafka {

struct Release {
  // Without closing a consumer: that is done before, within bounds.
  void operator()(rd_kafka_t* client) const {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
template <class Thing>
using Owned = std::unique_ptr<Thing, Release>;

// What a client tells whoever made it, on the thread that polls.
class ClientOwner {
 public:
  explicit ClientOwner(const KafkaOptions& options) : options_(options) {}
  virtual ~ClientOwner() = default;
  void Log(int level, std::string_view text) const {
    if (options_.log) options_.log(level, text);
  }
  // A line librdkafka logs, with the name it has for that kind of line.
  virtual void OnLine(int level, std::string_view kind, std::string_view text);
  virtual void OnFatal() {}
  virtual void OnStatistics(std::string_view /*json*/) {}
  virtual void OnDelivered(const rd_kafka_message_t& /*message*/) {}
  virtual void OnRebalance(rd_kafka_t* /*client*/, rd_kafka_resp_err_t /*what*/,
                           rd_kafka_topic_partition_list_t* /*partitions*/) {}
  virtual void OnCommitted(rd_kafka_resp_err_t /*error*/) {}

 protected:
  const KafkaOptions& options_;  // the bus's, which outlives its parts
};

// A client with the house's settings, then `own`, then options.properties. InvalidArgument: a
// setting librdkafka does not know. The owner must outlive the client.
absl::StatusOr<Owned<rd_kafka_t>> NewClient(rd_kafka_type_t type, const KafkaOptions& options,
                                            const std::map<std::string, std::string>& own,
                                            ClientOwner& owner);

// InvalidArgument: what can never be published; PermissionDenied, Unauthenticated: refused by the
// cluster; else Unavailable.
absl::Status ToStatus(rd_kafka_resp_err_t error, std::string_view what);

int Millis(absl::Duration duration);

}  // namespace cleanmail::bus::kafka
