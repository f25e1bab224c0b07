#include "libs/bus/events.h"

#include <map>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor_database.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/bus/v1/options.pb.h"

namespace cleanmail::bus {

TopicOptions TopicOf(const google::protobuf::Descriptor& event) {
  CLEANMAIL_CHECK(event.options().HasExtension(v1::topic),
                  base::Cat(event.full_name(), " says no topic"));
  const v1::Topic& topic = event.options().GetExtension(v1::topic);
  return {.name = topic.name(), .compacted = topic.compacted(), .flushed = topic.flushed()};
}

std::string DeadTopicOf(std::string_view topic) { return base::Cat(topic, ".dead"); }

std::vector<TopicOptions> AllTopics() {
  const google::protobuf::DescriptorPool& pool =
      *google::protobuf::DescriptorPool::generated_pool();
  // The pool knows generated files lazily; its database names them all.
  std::vector<std::string> names;
  google::protobuf::DescriptorPool::internal_generated_database()->FindAllFileNames(&names);
  std::map<std::string, TopicOptions> topics;
  for (const std::string& name : names) {
    const google::protobuf::FileDescriptor* file = pool.FindFileByName(name);
    if (file == nullptr) continue;
    for (int i = 0; i < file->message_type_count(); ++i) {
      if (!file->message_type(i)->options().HasExtension(v1::topic)) continue;
      TopicOptions topic = TopicOf(*file->message_type(i));
      std::string key = topic.name;
      topics.emplace(std::move(key), std::move(topic));
    }
  }
  std::vector<TopicOptions> all;
  for (auto& [name, topic] : topics) all.push_back(std::move(topic));
  return all;
}

Record MakeDeadLetter(std::string_view topic, std::string_view group, const std::string& key,
                      const std::string& payload, const std::string& trace,
                      const absl::Status& reason, int64_t failed_at_us) {
  v1::DeadLetter letter;
  letter.set_topic(std::string(topic));
  letter.set_key(key);
  letter.set_payload(payload);
  letter.set_group(std::string(group));
  letter.set_reason(reason.ToString());
  letter.set_failed_at_us(failed_at_us);
  return {.topic = {.name = DeadTopicOf(topic)},
          .key = key,
          .payload = letter.SerializeAsString(),
          .trace = trace};
}

Record ToRecord(const google::protobuf::Message& event, std::string trace) {
  const google::protobuf::Descriptor& type = *event.GetDescriptor();
  const google::protobuf::Reflection& reflection = *event.GetReflection();
  Record record{.topic = TopicOf(type),
                .key = {},
                .payload = event.SerializeAsString(),
                .trace = std::move(trace)};
  const google::protobuf::FieldDescriptor* key =
      type.FindFieldByName(type.options().GetExtension(v1::topic).key());
  CLEANMAIL_CHECK(key != nullptr, base::Cat(type.full_name(), " names a key it does not have"));
  record.key = reflection.GetString(event, key);
  if (record.topic.compacted) {
    const google::protobuf::FieldDescriptor* deleted = type.FindFieldByName("deleted");
    CLEANMAIL_CHECK(deleted != nullptr,
                    base::Cat(type.full_name(), " is compacted and has no `deleted`"));
    record.tombstone = reflection.GetBool(event, deleted);
  }
  return record;
}

void PublishEvent(Bus& bus, const google::protobuf::Message& event, std::string trace,
                  absl::AnyInvocable<void(absl::Status) &&> done) {
  Publication publication;
  publication.records.push_back(ToRecord(event, std::move(trace)));
  bus.Publish(std::move(publication), std::move(done));
}

}  // namespace cleanmail::bus
