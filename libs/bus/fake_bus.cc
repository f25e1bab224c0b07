#include "libs/bus/fake_bus.h"

#include <utility>

namespace cleanmail::bus {

struct FakeBus::State {
  struct Consumer {
    SubscriptionOptions options;
    BatchHandler handler;
    std::map<std::string, int> attempts;
    std::mutex
        running;  // held while the handler runs: the destructor of the subscription waits for it
  };
  struct Follower {
    std::string topic;
    absl::AnyInvocable<void(Change)> handler;
    std::mutex running;
  };
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  std::mutex mutex;
  std::vector<std::pair<Record, int64_t>> published;
  size_t delivered = 0;  // of `published`
  size_t publications = 0;
  std::map<std::string, int64_t, std::less<>> newest;
  std::map<std::string, std::map<std::string, Change>, std::less<>> compacted;
  std::deque<absl::Status> failures;
  bool hold = false;
  std::vector<Done> held;
  absl::Status accepting;
  std::vector<std::shared_ptr<Consumer>> consumers;  // shared with the thread that runs the handler
  std::vector<std::shared_ptr<Follower>> followers;
  std::vector<Outcome> outcomes;
};

class FakeBus::FakeInbound final : public Inbound {
 public:
  FakeInbound(std::shared_ptr<State> state, size_t index, Record record, int64_t position,
              int attempt)
      : state_(std::move(state)),
        index_(index),
        record_(std::move(record)),
        position_(position),
        attempt_(attempt) {}
  ~FakeInbound() override {
    if (!finished_) Finish(absl::UnavailableError("dropped unfinished"));
  }
  const std::string& key() const override { return record_.key; }
  const std::string& payload() const override { return record_.payload; }
  const std::string& trace() const override { return record_.trace; }
  int64_t position() const override { return position_; }
  int attempt() const override { return attempt_; }
  void Finish(absl::Status status) override {
    finished_ = true;
    std::lock_guard lock(state_->mutex);
    state_->outcomes[index_].status = std::move(status);
  }

 private:
  std::shared_ptr<State> state_;
  const size_t index_;
  const Record record_;
  const int64_t position_;
  const int attempt_;
  bool finished_ = false;
};

class FakeBus::FakeSubscription final : public Subscription {
 public:
  FakeSubscription(std::shared_ptr<State> state, std::shared_ptr<State::Consumer> consumer,
                   std::shared_ptr<State::Follower> follower)
      : state_(std::move(state)), consumer_(std::move(consumer)), follower_(std::move(follower)) {}
  ~FakeSubscription() override {
    {
      std::lock_guard lock(state_->mutex);
      std::erase(state_->consumers, consumer_);
      std::erase(state_->followers, follower_);
    }
    if (consumer_) std::lock_guard wait(consumer_->running);
    if (follower_) std::lock_guard wait(follower_->running);
  }
  void Pause() override {}
  void Resume() override {}
  size_t in_hand() const override {
    if (!consumer_) return 0;
    std::lock_guard lock(state_->mutex);
    size_t count = 0;
    for (const Outcome& outcome : state_->outcomes) {
      if (outcome.group == consumer_->options.group && !outcome.status) ++count;
    }
    return count;
  }
  int64_t lag() const override { return static_cast<int64_t>(in_hand()); }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<State::Consumer> consumer_;
  std::shared_ptr<State::Follower> follower_;
};

FakeBus::FakeBus() : state_(std::make_shared<State>()) {}
FakeBus::~FakeBus() = default;

void FakeBus::Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) {
  std::vector<std::pair<std::shared_ptr<State::Follower>, Change>> changes;
  {
    std::unique_lock lock(state_->mutex);
    if (!state_->failures.empty()) {
      const absl::Status failure = state_->failures.front();
      state_->failures.pop_front();
      lock.unlock();
      std::move(done)(failure);
      return;
    }
    for (const auto& body : publication.bodies) (void)body->TakeBatch();
    for (Record& record : publication.records) {
      const int64_t position = state_->newest.try_emplace(record.topic.name, -1).first->second += 1;
      if (record.topic.compacted) {
        Change change{record.key, record.payload, record.tombstone, position};
        state_->compacted[record.topic.name][record.key] = change;
        for (const auto& follower : state_->followers) {
          if (follower->topic == record.topic.name) changes.emplace_back(follower, change);
        }
      }
      state_->published.emplace_back(std::move(record), position);
    }
    ++state_->publications;
    if (state_->hold) state_->held.push_back(std::exchange(done, nullptr));
  }
  for (auto& [follower, change] : changes) {
    std::lock_guard running(follower->running);
    follower->handler(std::move(change));
  }
  if (done) std::move(done)(absl::OkStatus());
}

absl::StatusOr<std::unique_ptr<Subscription>> FakeBus::Subscribe(SubscriptionOptions options,
                                                                 BatchHandler handler) {
  auto consumer = std::make_shared<State::Consumer>();
  consumer->options = std::move(options);
  consumer->handler = std::move(handler);
  std::lock_guard lock(state_->mutex);
  state_->consumers.push_back(consumer);
  return std::make_unique<FakeSubscription>(state_, std::move(consumer), nullptr);
}

absl::StatusOr<std::unique_ptr<Subscription>> FakeBus::Follow(
    std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) {
  auto follower = std::make_shared<State::Follower>();
  follower->topic = topic;
  follower->handler = std::move(handler);
  std::map<int64_t, Change> missed;
  {
    std::lock_guard lock(state_->mutex);
    if (const auto it = state_->compacted.find(topic); it != state_->compacted.end()) {
      for (const auto& [key, change] : it->second) {
        if (change.position > position) missed.emplace(change.position, change);
      }
    }
    state_->followers.push_back(follower);
  }
  {
    std::lock_guard running(follower->running);
    for (auto& [at, change] : missed) follower->handler(std::move(change));
  }
  return std::make_unique<FakeSubscription>(state_, nullptr, std::move(follower));
}

absl::StatusOr<int64_t> FakeBus::NewestPosition(std::string_view topic) {
  std::lock_guard lock(state_->mutex);
  const auto it = state_->newest.find(topic);
  return it == state_->newest.end() ? -1 : it->second;
}

absl::Status FakeBus::Accepting() {
  std::lock_guard lock(state_->mutex);
  return state_->accepting;
}

std::vector<Record> FakeBus::records() const {
  std::lock_guard lock(state_->mutex);
  std::vector<Record> records;
  for (const auto& [record, position] : state_->published) records.push_back(record);
  return records;
}

std::vector<Record> FakeBus::records(std::string_view topic) const {
  std::vector<Record> all = records();
  std::erase_if(all, [topic](const Record& record) { return record.topic.name != topic; });
  return all;
}

size_t FakeBus::publications() const {
  std::lock_guard lock(state_->mutex);
  return state_->publications;
}

void FakeBus::Clear() {
  std::lock_guard lock(state_->mutex);
  state_->published.clear();
  state_->delivered = 0;
}

void FakeBus::FailNext(absl::Status status, int times) {
  std::lock_guard lock(state_->mutex);
  for (int i = 0; i < times; ++i) state_->failures.push_back(status);
}

void FakeBus::HoldDone() {
  std::lock_guard lock(state_->mutex);
  state_->hold = true;
}

void FakeBus::ReleaseDone() {
  std::vector<State::Done> held;
  {
    std::lock_guard lock(state_->mutex);
    state_->hold = false;
    held.swap(state_->held);
  }
  for (State::Done& done : held) std::move(done)(absl::OkStatus());
}

void FakeBus::SetAccepting(absl::Status status) {
  std::lock_guard lock(state_->mutex);
  state_->accepting = std::move(status);
}

std::vector<size_t> FakeBus::Deliver(std::vector<Record> records) {
  std::vector<size_t> indexes;
  std::vector<std::pair<std::shared_ptr<State::Consumer>, std::vector<std::unique_ptr<Inbound>>>>
      batches;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& consumer : state_->consumers) {
      std::vector<std::unique_ptr<Inbound>> batch;
      for (const Record& record : records) {
        if (record.topic.name != consumer->options.topic) continue;
        const int attempt = consumer->attempts[record.key] += 1;
        const size_t index = state_->outcomes.size();
        state_->outcomes.push_back({consumer->options.group, record.key, std::nullopt});
        indexes.push_back(index);
        batch.push_back(std::make_unique<FakeInbound>(state_, index, record,
                                                      static_cast<int64_t>(index), attempt));
      }
      if (!batch.empty()) batches.emplace_back(consumer, std::move(batch));
    }
  }
  for (auto& [consumer, batch] : batches) {
    std::lock_guard running(consumer->running);
    consumer->handler(std::move(batch));
  }
  return indexes;
}

void FakeBus::DeliverPublished() {
  while (true) {
    std::vector<Record> fresh;
    {
      std::lock_guard lock(state_->mutex);
      for (; state_->delivered < state_->published.size(); ++state_->delivered) {
        fresh.push_back(state_->published[state_->delivered].first);
      }
    }
    if (fresh.empty()) return;
    Deliver(std::move(fresh));
  }
}

FakeBus::Outcome FakeBus::outcome(size_t index) const {
  std::lock_guard lock(state_->mutex);
  return state_->outcomes.at(index);
}

size_t FakeBus::in_hand() const {
  std::lock_guard lock(state_->mutex);
  size_t count = 0;
  for (const Outcome& outcome : state_->outcomes) count += outcome.status ? 0 : 1;
  return count;
}

}  // namespace cleanmail::bus
