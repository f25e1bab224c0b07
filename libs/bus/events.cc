#include "libs/bus/events.h"

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
