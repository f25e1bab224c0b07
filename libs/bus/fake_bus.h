#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/bus/bus.h"
#include "libs/bus/events.h"

namespace cleanmail::bus {

// A bus in memory, without threads of its own: `done`, handlers and followers run on the thread
// that publishes or delivers. Positions count from 0 per topic. Thread-safe.
class FakeBus final : public Bus {
 public:
  // What became of one event that was given to one group.
  struct Outcome {
    std::string group;
    std::string key;
    std::optional<absl::Status> status;  // nullopt: not finished yet
  };

  FakeBus();
  ~FakeBus() override;

  void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                          BatchHandler handler) override;
  absl::StatusOr<std::unique_ptr<Subscription>> Follow(
      std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) override;
  absl::StatusOr<int64_t> NewestPosition(std::string_view topic) override;
  absl::Status Accepting() override;

  // Everything published, in order; the second form one topic's.
  std::vector<Record> records() const;
  std::vector<Record> records(std::string_view topic) const;
  // Everything published of one type.
  template <class Event>
  std::vector<Event> Events() const {
    std::vector<Event> events;
    for (const Record& record : records(TopicOf(*Event::descriptor()).name))
      events.emplace_back().ParseFromString(record.payload);
    return events;
  }
  // How often Publish was called with success: records of one call became visible together.
  size_t publications() const;
  // Forgets what was published (positions go on).
  void Clear();

  // The next `times` calls of Publish end with `status` and keep nothing.
  void FailNext(absl::Status status, int times = 1);
  // From now on `done` waits until ReleaseDone.
  void HoldDone();
  void ReleaseDone();
  void SetAccepting(absl::Status status);

  // Gives records to every group subscribed to their topics, one batch per group and topic; returns
  // indexes for outcome(). An event that was not finished with OK can be delivered again: `attempt`
  // then counts up per group and key.
  std::vector<size_t> Deliver(std::vector<Record> records);
  // The same for one typed event to its subscribers.
  std::vector<size_t> DeliverEvent(const google::protobuf::Message& event) {
    return Deliver({ToRecord(event)});
  }
  // Delivers what was published and not yet delivered, and what handlers publish meanwhile, until
  // nothing is left.
  void DeliverPublished();
  Outcome outcome(size_t index) const;
  // Events given out and not finished, over all groups.
  size_t in_hand() const;

 private:
  struct State;
  class FakeInbound;
  class FakeSubscription;
  // shared_ptr: an Inbound or Subscription a test keeps may outlive the bus.
  std::shared_ptr<State> state_;
};

}  // namespace cleanmail::bus
