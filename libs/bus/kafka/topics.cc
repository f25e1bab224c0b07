#include "libs/bus/kafka/topics.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/bus/kafka/admin.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr absl::Duration kOneTimeout = absl::Seconds(10);

using Settings = std::map<std::string, std::string>;

absl::StatusOr<Settings> SettingsOf(rd_kafka_t* client, const std::string& name, int timeout_ms) {
  const Owned<rd_kafka_ConfigResource_t> resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  rd_kafka_ConfigResource_t* asked = resource.get();
  CLEANMAIL_ASSIGN_OR_RETURN(
      const Owned<rd_kafka_event_t> event,
      AskAdmin(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms,
               [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                 rd_kafka_DescribeConfigs(client, &asked, 1, options, queue);
               }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  Settings settings;
  for (size_t i = 0; i < count; ++i) {
    CLEANMAIL_RETURN_IF_ERROR(ToStatus(rd_kafka_ConfigResource_error(resources[i]), name));
    size_t entries = 0;
    const rd_kafka_ConfigEntry_t** all = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (size_t k = 0; k < entries; ++k) {
      const char* value = rd_kafka_ConfigEntry_value(all[k]);
      settings[rd_kafka_ConfigEntry_name(all[k])] = value == nullptr ? "" : value;
    }
  }
  return settings;
}

}  // namespace

Topics::Topics(const KafkaOptions& options, Borrow borrow)
    : options_(options), borrow_(std::move(borrow)) {}

std::string Topics::NameOf(std::string_view topic) const {
  return base::Cat(options_.prefix, topic);
}

TopicOptions Topics::Known(std::string_view topic) const {
  for (const TopicOptions& known : options_.topics) {
    if (known.name == topic) return known;
  }
  return {.name = std::string(topic)};
}

void Topics::Warn(std::string_view text) const {
  if (options_.log) options_.log(4, text);
}

Topics::Wanted Topics::WantedOf(const TopicOptions& topic) const {
  Wanted wanted{.topic = topic,
                .partitions = topic.compacted ? 1 : std::max(1, options_.partitions),
                .settings = {}};
  Settings& settings = wanted.settings;
  // What is compressed by an event's size stays below what a broker takes.
  settings["max.message.bytes"] = base::Cat(options_.max_event_bytes + 64 * 1024);
  if (options_.min_insync_replicas > 0)
    settings["min.insync.replicas"] = base::Cat(options_.min_insync_replicas);
  if (topic.compacted) {
    settings["cleanup.policy"] = "compact";
    settings["delete.retention.ms"] = base::Cat(absl::ToInt64Milliseconds(options_.tombstone_life));
    return wanted;
  }
  const bool dead = topic.name.ends_with(DeadTopicOf(""));
  settings["cleanup.policy"] = "delete";
  settings["retention.ms"] = base::Cat(
      absl::ToInt64Milliseconds(dead ? options_.dead_letter_retention : options_.retention));
  return wanted;
}

absl::StatusOr<Topics::FoundTopics> Topics::Find(rd_kafka_t* client, int timeout_ms) {
  const rd_kafka_metadata_t* raw = nullptr;
  CLEANMAIL_RETURN_IF_ERROR(ToStatus(
      rd_kafka_metadata(client, 1, nullptr, &raw, std::max(1, timeout_ms)), "the list of topics"));
  const Owned<const rd_kafka_metadata_t> metadata(raw);
  FoundTopics found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    Found& entry = found[topic.topic];
    entry.partitions = topic.partition_cnt;
    entry.ready = topic.partition_cnt > 0;
    for (int k = 0; k < topic.partition_cnt; ++k) {
      entry.replicas = topic.partitions[k].replica_cnt;
      if (topic.partitions[k].leader < 0) entry.ready = false;
    }
  }
  return found;
}

absl::Status Topics::Create(rd_kafka_t* client, const std::vector<Wanted>& wanted, int timeout_ms) {
  std::vector<Owned<rd_kafka_NewTopic_t>> owned;
  std::vector<rd_kafka_NewTopic_t*> asked;
  for (const Wanted& each : wanted) {
    std::array<char, 256> text{};
    owned.emplace_back(
        rd_kafka_NewTopic_new(NameOf(each.topic.name).c_str(), each.partitions,
                              options_.replication_factor > 0 ? options_.replication_factor : -1,
                              text.data(), text.size()));
    if (owned.back() == nullptr)
      return absl::InvalidArgumentError(base::Cat("kafka: ", text.data()));
    for (const auto& [name, value] : each.settings)
      rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
    asked.push_back(owned.back().get());
  }
  CLEANMAIL_ASSIGN_OR_RETURN(
      const Owned<rd_kafka_event_t> event,
      AskAdmin(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms,
               [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                 rd_kafka_CreateTopics(client, asked.data(), asked.size(), options, queue);
               }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    // Another process may have been faster.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return ToStatus(error, base::Cat("making topic ", rd_kafka_topic_result_name(results[i]), ": ",
                                     why == nullptr ? "" : why));
  }
  return absl::OkStatus();
}

absl::Status Topics::CheckSettings(const Wanted& wanted, const Settings& settings) {
  const std::string name = NameOf(wanted.topic.name);
  for (const auto& [setting, value] : wanted.settings) {
    const auto it = settings.find(setting);
    const std::string is = it == settings.end() ? "" : it->second;
    if (is == value) continue;
    const std::string text =
        base::Cat("kafka: topic ", name, " has ", setting, " = ", is, ", wanted is ", value);
    if (setting == "cleanup.policy") return absl::FailedPreconditionError(text);
    Warn(text);
  }
  return absl::OkStatus();
}

absl::Status Topics::Check(rd_kafka_t* client, const Wanted& wanted, const Found& found,
                           int timeout_ms) {
  const std::string name = NameOf(wanted.topic.name);
  if (wanted.topic.compacted && found.partitions != 1) {
    return absl::FailedPreconditionError(
        base::Cat("kafka: topic ", name, " is compacted and must have one partition, not ",
                  found.partitions));
  }
  if (found.partitions != wanted.partitions) {
    Warn(base::Cat("kafka: topic ", name, " has ", found.partitions, " partitions, wanted are ",
                   wanted.partitions));
  }
  if (found.replicas < options_.replication_factor) {
    Warn(base::Cat("kafka: topic ", name, " is kept ", found.replicas, " times, wanted is ",
                   options_.replication_factor));
  }
  absl::StatusOr<Settings> settings = SettingsOf(client, name, timeout_ms);
  if (absl::IsPermissionDenied(settings.status())) {
    Warn(settings.status().message().data());
    return absl::OkStatus();
  }
  CLEANMAIL_RETURN_IF_ERROR(settings.status());
  return CheckSettings(wanted, *settings);
}

absl::Status Topics::Ensure(std::vector<TopicOptions> topics, absl::Duration timeout) {
  std::vector<Wanted> wanted;
  for (const TopicOptions& topic : topics) {
    wanted.push_back(WantedOf(topic));
    if (!topic.compacted && !topic.name.ends_with(DeadTopicOf("")))
      wanted.push_back(WantedOf({.name = DeadTopicOf(topic.name)}));
  }
  if (wanted.empty()) return absl::OkStatus();
  const std::shared_ptr<rd_kafka_t> client = borrow_();
  const absl::Time deadline = absl::Now() + timeout;
  const auto left = [&] { return std::max(1, Millis(deadline - absl::Now())); };
  CLEANMAIL_ASSIGN_OR_RETURN(FoundTopics found, Find(client.get(), left()));
  std::vector<Wanted> missing;
  for (const Wanted& each : wanted) {
    const auto it = found.find(NameOf(each.topic.name));
    if (it == found.end()) {
      missing.push_back(each);
    } else {
      CLEANMAIL_RETURN_IF_ERROR(Check(client.get(), each, it->second, left()));
    }
  }
  if (!missing.empty()) {
    CLEANMAIL_RETURN_IF_ERROR(Create(client.get(), missing, left()));
  }
  const auto is_ready = [&](const Wanted& each) {
    const auto it = found.find(NameOf(each.topic.name));
    return it != found.end() && it->second.ready;
  };
  while (!std::all_of(missing.begin(), missing.end(), is_ready)) {
    if (absl::Now() > deadline) {
      return absl::UnavailableError("kafka: topics that were made have no leaders yet");
    }
    absl::SleepFor(absl::Milliseconds(20));
    CLEANMAIL_ASSIGN_OR_RETURN(found, Find(client.get(), left()));
  }
  std::lock_guard lock(mutex_);
  for (const Wanted& each : wanted) ensured_.insert(each.topic.name);
  return absl::OkStatus();
}

absl::Status Topics::EnsureOne(const TopicOptions& topic) {
  {
    std::lock_guard lock(mutex_);
    if (ensured_.contains(topic.name)) return absl::OkStatus();
  }
  return Ensure({topic}, kOneTimeout);
}

absl::StatusOr<std::vector<int64_t>> Topics::Ends(std::string_view topic, absl::Duration timeout) {
  const std::shared_ptr<rd_kafka_t> client = borrow_();
  const std::string name = NameOf(topic);
  const absl::Time deadline = absl::Now() + timeout;
  CLEANMAIL_ASSIGN_OR_RETURN(const FoundTopics found, Find(client.get(), Millis(timeout)));
  const auto it = found.find(name);
  if (it == found.end()) return std::vector<int64_t>();
  std::vector<int64_t> ends;
  while (static_cast<int>(ends.size()) < it->second.partitions) {
    int64_t low = 0, high = 0;
    const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        client.get(), name.c_str(), static_cast<int32_t>(ends.size()), &low, &high,
        std::max(1, Millis(deadline - absl::Now())));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ends.push_back(high);
    } else if (absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(20));  // its leader is changing, or is not known yet
    } else {
      return ToStatus(error, base::Cat("the newest position of ", name));
    }
  }
  return ends;
}

}  // namespace cleanmail::bus::kafka
