#include "libs/bus/kafka/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/cat.h"

namespace cleanmail::bus::kafka {
namespace {

ClientOwner& OwnerOf(const rd_kafka_t* client) {
  return *static_cast<ClientOwner*>(rd_kafka_opaque(client));
}

void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  if (client != nullptr) OwnerOf(client).OnLine(level, facility, text);
}

void OnError(rd_kafka_t* client, int error, const char* reason, void*) {
  std::array<char, 512> text{};
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text.data(), text.size());
    OwnerOf(client).Log(2, base::Cat("kafka: ", rd_kafka_err2name(cause), ": ", text.data()));
    OwnerOf(client).OnFatal();
    return;
  }
  OwnerOf(client).Log(
      4, base::Cat("kafka: ", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)), ": ",
                   reason));
}

int OnStatistics(rd_kafka_t* client, char* json, size_t size, void*) {
  OwnerOf(client).OnStatistics({json, size});
  return 0;  // librdkafka frees it
}

void OnDelivered(rd_kafka_t* client, const rd_kafka_message_t* message, void*) {
  OwnerOf(client).OnDelivered(*message);
}

void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                 rd_kafka_topic_partition_list_t* partitions, void*) {
  OwnerOf(client).OnRebalance(client, what, partitions);
}

void OnCommitted(rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*,
                 void*) {
  OwnerOf(client).OnCommitted(error);
}

std::map<std::string, std::string> Settings(const KafkaOptions& options) {
  std::map<std::string, std::string> settings = {
      {"bootstrap.servers", options.brokers},
      {"client.id", options.client_id},
      {"security.protocol",
       base::Cat(
           options.sasl.mechanism.empty() ? "" : "sasl_",
           options.tls.on ? "ssl" : (options.sasl.mechanism.empty() ? "plaintext" : "plaintext"))},
      {"log_level", "5"},
      {"log.queue", "true"},  // lines come on the thread that polls, like all else
      {"log.connection.close", "false"},
      {"allow.auto.create.topics", "false"},
      {"message.max.bytes", base::Cat(options.max_event_bytes)},
      // A broker that is gone is noticed and come back to within seconds.
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.timeout.ms", "10000"},
      {"socket.connection.setup.timeout.ms", "5000"},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"topic.metadata.refresh.fast.interval.ms", "100"},
  };
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings[name] = value;
  };
  if (options.tls.on) {
    set("ssl.ca.location", options.tls.ca_file);
    set("ssl.certificate.location", options.tls.certificate_file);
    set("ssl.key.location", options.tls.key_file);
    set("ssl.key.password", options.tls.key_password);
  }
  if (!options.sasl.mechanism.empty()) {
    set("sasl.mechanism", options.sasl.mechanism);
    set("sasl.username", options.sasl.user);
    set("sasl.password", options.sasl.password);
  }
  return settings;
}

}  // namespace

void ClientOwner::OnLine(int level, std::string_view kind, std::string_view text) {
  Log(level, base::Cat("kafka: ", kind, ": ", text));
}

absl::StatusOr<Owned<rd_kafka_t>> NewClient(rd_kafka_type_t type, const KafkaOptions& options,
                                            const std::map<std::string, std::string>& own,
                                            ClientOwner& owner) {
  std::map<std::string, std::string> settings = Settings(options);
  for (const auto& [name, value] : own) settings[name] = value;
  for (const auto& [name, value] : options.properties) {
    if (name == "debug" && settings.contains(name)) {
      settings[name] += base::Cat(",", value);
    } else {
      settings[name] = value;
    }
  }
  std::array<char, 512> text{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return absl::InvalidArgumentError(base::Cat("kafka: ", text.data()));
    }
  }
  rd_kafka_conf_set_opaque(conf, &owner);
  rd_kafka_conf_set_log_cb(conf, &OnLog);
  rd_kafka_conf_set_error_cb(conf, &OnError);
  if (type == RD_KAFKA_PRODUCER) {
    rd_kafka_conf_set_dr_msg_cb(conf, &OnDelivered);
    rd_kafka_conf_set_stats_cb(conf, &OnStatistics);
  } else if (settings.contains("group.id")) {
    rd_kafka_conf_set_rebalance_cb(conf, &OnRebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, &OnCommitted);
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, text.data(), text.size());
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(base::Cat("kafka: ", text.data()));
  }
  rd_kafka_set_log_queue(client, nullptr);
  return Owned<rd_kafka_t>(client);
}

absl::Status ToStatus(rd_kafka_resp_err_t error, std::string_view what) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  const std::string text = base::Cat("kafka: ", what, ": ", rd_kafka_err2str(error));
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return absl::InvalidArgumentError(text);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return absl::PermissionDeniedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

int Millis(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 0, 1 << 30));
}

}  // namespace cleanmail::bus::kafka
