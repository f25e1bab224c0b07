#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/message.h"
#include "libs/bus/bus.h"

// Typed events over bytes: topic and key are read from the event's own proto options.
namespace cleanmail::bus {

// Topic of an event's type. Ends the process when the proto has no `topic` option: it is our own
// proto.
TopicOptions TopicOf(const google::protobuf::Descriptor& event);

// The name of the dead-letter twin of a topic.
std::string DeadTopicOf(std::string_view topic);

// Every topic whose event's proto is linked into this process, sorted by name.
std::vector<TopicOptions> AllTopics();

// The record for the dead-letter twin that keeps an event `group` could not handle.
Record MakeDeadLetter(std::string_view topic, std::string_view group, const std::string& key,
                      const std::string& payload, const std::string& trace,
                      const absl::Status& reason, int64_t failed_at_us);

// The record that carries `event`, with the key its proto names. `trace` is the traceparent to pass
// on. A compacted event whose `deleted` field is true becomes a tombstone.
Record ToRecord(const google::protobuf::Message& event, std::string trace = {});

// Publishes one event that names no new body.
void PublishEvent(Bus& bus, const google::protobuf::Message& event, std::string trace,
                  absl::AnyInvocable<void(absl::Status) &&> done);

template <class Event>
SubscriptionOptions OptionsFor(std::string group) {
  return {.topic = TopicOf(*Event::descriptor()).name, .group = std::move(group)};
}

// An event of type Event on its way to one consumer; see Inbound.
template <class Event>
struct Received {
  Event event;
  std::unique_ptr<Inbound> inbound;
};

// Parses a batch; what cannot be parsed goes to the dead-letter twin. Defined for use by the two
// below.
template <class Event>
std::vector<Received<Event>> ParseBatch(std::vector<std::unique_ptr<Inbound>> batch) {
  std::vector<Received<Event>> events;
  events.reserve(batch.size());
  for (std::unique_ptr<Inbound>& inbound : batch) {
    Event event;
    if (event.ParseFromString(inbound->payload())) {
      events.push_back({std::move(event), std::move(inbound)});
    } else {
      inbound->Finish(absl::InvalidArgumentError("the event's bytes are not its type"));
    }
  }
  return events;
}

// For handlers that finish each event later.
template <class Event>
BatchHandler HandleLater(std::function<void(std::vector<Received<Event>>)> handler) {
  return [handler = std::move(handler)](std::vector<std::unique_ptr<Inbound>> batch) mutable {
    handler(ParseBatch<Event>(std::move(batch)));
  };
}

// For handlers that return one status for each event, in order.
template <class Event>
BatchHandler HandleBatch(std::function<std::vector<absl::Status>(std::span<const Event>)> handler) {
  return [handler = std::move(handler)](std::vector<std::unique_ptr<Inbound>> batch) mutable {
    std::vector<Event> events;
    std::vector<std::unique_ptr<Inbound>> inbounds;
    for (Received<Event>& received : ParseBatch<Event>(std::move(batch))) {
      events.push_back(std::move(received.event));
      inbounds.push_back(std::move(received.inbound));
    }
    const std::vector<absl::Status> statuses = handler(events);
    for (size_t i = 0; i < inbounds.size(); ++i) {
      inbounds[i]->Finish(i < statuses.size()
                              ? statuses[i]
                              : absl::InternalError("the handler returned too few statuses"));
    }
  };
}

}  // namespace cleanmail::bus
