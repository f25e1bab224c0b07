#include "libs/bus/journal.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/bus/journal_consumer.h"
#include "libs/bus/journal_follower.h"
#include "libs/bus/journal_record.h"
#include "libs/bus/journal_subscription.h"
#include "libs/bus/journal_topic.h"
#include "libs/bus/journal_trim.h"

namespace cleanmail::bus {
namespace {

using spool::Batch;
using spool::Durability;
using spool::Table;

constexpr std::chrono::milliseconds kMarkInterval(
    20);  // marks are noted this often at most: what is given again after a kill
constexpr std::chrono::milliseconds kAcceptInterval(100);
constexpr int kTombstonesAtOnce = 10'000;

std::chrono::milliseconds Chrono(absl::Duration duration) {
  return absl::ToChronoMilliseconds(duration);
}

}  // namespace

class Journal::Impl final : public ConsumerHost {
 public:
  Impl(spool::Spool& spool, const base::Clock& clock, JournalOptions options)
      : spool_(spool), clock_(clock), options_(std::move(options)) {}

  absl::Status Load();
  void Start() {
    marker_ = std::thread([this] { NoteMarks(); });
  }
  void Stop();

  void Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done);
  absl::StatusOr<std::shared_ptr<JournalConsumer>> Subscribe(SubscriptionOptions options,
                                                             BatchHandler handler);
  void Unsubscribe(JournalConsumer& consumer);
  JournalTopic& TopicOf(std::string_view name);
  absl::Status Accepting();
  absl::Status Trim();
  int64_t dead_letters() const { return dead_letters_.load(std::memory_order_relaxed); }

  void MarkMoved() override;
  void BuryDead(std::string_view topic, std::string_view group, const EventRef& event,
                const absl::Status& reason, std::function<void(absl::Status)> done) override;

 private:
  struct Topic {
    std::unique_ptr<JournalTopic> log;
    std::atomic<bool> compacted{false};  // and noted in the spool
  };
  struct Group {
    std::string topic;
    Mark noted;
    std::shared_ptr<JournalConsumer>
        live;  // shared with its subscription and with the events it gave out
  };
  struct Newest {
    int64_t position;
    int in_flight;
  };
  struct Outgoing;

  Topic& Find(std::string_view name);
  absl::Status Compact(Topic& topic, const Record& record, int64_t position, int64_t now,
                       Batch& batch);
  void Published(Outgoing& outgoing, const absl::Status& status);
  void NoteMarks();
  absl::Status StoreMarks();
  absl::Status CheckAccepting();
  absl::Status TrimLog(JournalTopic& topic, int64_t now);
  absl::Status TrimTombstones(JournalTopic& topic, int64_t now);
  int64_t FloorOf(const std::string& topic, int64_t now, Batch& batch);

  spool::Spool& spool_;
  const base::Clock& clock_;
  const JournalOptions options_;
  std::atomic<int64_t> dead_letters_{0};

  std::mutex topics_mutex_;
  std::map<std::string, Topic, std::less<>>
      topics_;  // guarded by topics_mutex_; entries stay where they are

  std::mutex publish_mutex_;  // held while positions are given and the commit is queued: both have
                              // one order
  // Guarded by publish_mutex_: compacted keys whose newest event is not committed yet.
  std::map<std::string, Newest, std::less<>> pending_;

  std::mutex groups_mutex_;
  std::map<std::string, Group, std::less<>> groups_;  // by MarkKey; guarded by groups_mutex_

  std::mutex marker_mutex_;
  std::condition_variable marker_wake_;
  bool stopping_ = false;  // these three guarded by marker_mutex_
  bool moved_ = false;
  int in_flight_ = 0;  // publications
  std::thread marker_;

  std::mutex accept_mutex_;
  std::chrono::steady_clock::time_point accept_until_;  // these two guarded by accept_mutex_
  absl::Status accepting_;
};

// A publication on its way through the spool.
struct Journal::Impl::Outgoing {
  struct Item {
    Topic* topic;
    std::shared_ptr<Event> event;  // becomes an EventRef of the topic's tail
    bool compacted;
  };
  std::vector<Item> items;
  absl::AnyInvocable<void(absl::Status) &&> done;
};

absl::Status Journal::Impl::Load() {
  const auto next_topic = [this](std::string_view key,
                                 std::string_view) -> std::optional<std::string> {
    const std::string name(key.substr(0, key.find('\0')));
    topics_.try_emplace(name);
    return name + '\1';
  };
  CLEANMAIL_RETURN_IF_ERROR(spool_.SkipScan(Table::kEvents, "", "", next_topic));
  const std::string next_prefix = NextKey(""), compacted_prefix = CompactedKey("");
  CLEANMAIL_RETURN_IF_ERROR(spool_.Scan(
      Table::kState, next_prefix, After(next_prefix), [&](std::string_view key, std::string_view) {
        topics_.try_emplace(std::string(key.substr(next_prefix.size())));
        return true;
      }));
  for (auto& [name, topic] : topics_) {
    int64_t next = 0;
    const auto last =
        spool_.Last(Table::kEvents, EventKey(name, 0), MarkKey(name, "") + std::string(9, '\xff'));
    if (last.ok()) {
      CLEANMAIL_ASSIGN_OR_RETURN(next, PositionOf(name, last->first));
      ++next;
    } else if (!absl::IsNotFound(last.status())) {
      return last.status();
    }
    if (const auto noted = spool_.Get(Table::kState, NextKey(name)); noted.ok()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const int64_t number, DecodeNumber(*noted));
      next = std::max(next, number);
    }
    topic.log = std::make_unique<JournalTopic>(spool_, name, next, options_.tail_bytes);
  }
  CLEANMAIL_RETURN_IF_ERROR(spool_.Scan(Table::kState, compacted_prefix, After(compacted_prefix),
                                        [&](std::string_view key, std::string_view) {
                                          Find(key.substr(compacted_prefix.size())).compacted =
                                              true;
                                          return true;
                                        }));
  absl::Status damaged;
  CLEANMAIL_RETURN_IF_ERROR(
      spool_.Scan(Table::kPositions, "", "", [&](std::string_view key, std::string_view value) {
        const absl::StatusOr<Mark> mark = DecodeMark(value);
        if (!mark.ok()) {
          damaged = mark.status();
          return false;
        }
        groups_[std::string(key)] = {
            .topic = std::string(key.substr(0, key.find('\0'))), .noted = *mark, .live = nullptr};
        return true;
      }));
  return damaged;
}

Journal::Impl::Topic& Journal::Impl::Find(std::string_view name) {
  std::lock_guard lock(topics_mutex_);
  auto it = topics_.find(name);
  if (it == topics_.end()) it = topics_.try_emplace(std::string(name)).first;
  // Topics that hold or held anything were loaded at the start.
  if (it->second.log == nullptr)
    it->second.log = std::make_unique<JournalTopic>(spool_, it->first, 0, options_.tail_bytes);
  return it->second;
}

JournalTopic& Journal::Impl::TopicOf(std::string_view name) { return *Find(name).log; }

void Journal::Impl::Publish(Publication publication,
                            absl::AnyInvocable<void(absl::Status) &&> done) {
  const int64_t now = base::NowMicros(clock_);
  Batch batch;
  for (const auto& body : publication.bodies) {
    if (std::optional<Batch> part = body->TakeBatch()) batch.Append(*std::move(part));
  }
  Outgoing outgoing{.items = {}, .done = std::move(done)};
  outgoing.items.reserve(publication.records.size());
  Durability durability = Durability::kApplied;
  std::vector<std::string> values;
  for (Record& record : publication.records) {
    values.push_back(EncodeEvent(record, now));
    if (record.topic.flushed) durability = Durability::kFlushed;
    const size_t hash = std::hash<std::string_view>()(record.key);
    outgoing.items.push_back({&Find(record.topic.name),
                              std::make_shared<Event>(Event{.time_us = now,
                                                            .tombstone = record.tombstone,
                                                            .key = record.key,
                                                            .payload = std::move(record.payload),
                                                            .trace = std::move(record.trace),
                                                            .key_hash = hash}),
                              record.topic.compacted});
  }
  std::lock_guard lock(publish_mutex_);
  absl::Status refused;
  for (size_t i = 0; i < outgoing.items.size(); ++i) {
    Outgoing::Item& item = outgoing.items[i];
    item.event->position = item.topic->log->Reserve();
    batch.Put(Table::kEvents, EventKey(item.topic->log->name(), item.event->position),
              std::move(values[i]));
    if (item.compacted)
      refused.Update(
          Compact(*item.topic, publication.records[i], item.event->position, now, batch));
  }
  {
    std::lock_guard count(marker_mutex_);
    ++in_flight_;
  }
  if (!refused.ok()) batch = {};
  spool_.Commit(std::move(batch), durability,
                [this, refused, outgoing = std::move(outgoing)](absl::Status status) mutable {
                  Published(outgoing, refused.ok() ? status : refused);
                });
}

// Replaces the key's event before this one.
absl::Status Journal::Impl::Compact(Topic& topic, const Record& record, int64_t position,
                                    int64_t now, Batch& batch) {
  const std::string& name = topic.log->name();
  std::string index = IndexKey(name, record.key);
  std::optional<int64_t> before;
  const auto [it, fresh] = pending_.try_emplace(index, Newest{position, 1});
  if (!fresh) {
    before = std::exchange(it->second.position, position);
    ++it->second.in_flight;
  } else if (const absl::StatusOr<std::string> noted = spool_.Get(Table::kState, index);
             noted.ok()) {
    CLEANMAIL_ASSIGN_OR_RETURN(before, DecodeNumber(*noted));
  } else if (!absl::IsNotFound(noted.status())) {
    return noted.status();
  }
  if (before) batch.Delete(Table::kEvents, EventKey(name, *before));
  batch.Put(Table::kState, std::move(index), EncodeNumber(position));
  if (record.tombstone) batch.Put(Table::kState, TombstoneKey(name, now, position), record.key);
  if (!topic.compacted) batch.Put(Table::kState, CompactedKey(name), "");
  return absl::OkStatus();
}

void Journal::Impl::Published(Outgoing& outgoing, const absl::Status& status) {
  const bool any_compacted = std::any_of(outgoing.items.begin(), outgoing.items.end(),
                                         [](const auto& item) { return item.compacted; });
  if (any_compacted) {
    std::lock_guard lock(publish_mutex_);
    for (const Outgoing::Item& item : outgoing.items) {
      if (!item.compacted) continue;
      if (status.ok()) item.topic->compacted = true;
      const auto it = pending_.find(IndexKey(item.topic->log->name(), item.event->key));
      if (it != pending_.end() && --it->second.in_flight == 0) pending_.erase(it);
    }
  }
  for (Outgoing::Item& item : outgoing.items) {
    const int64_t end = item.event->position + 1;
    std::vector<EventRef> events;
    if (status.ok()) events.push_back(std::move(item.event));
    item.topic->log->Announce(std::move(events), end);
  }
  std::move(outgoing.done)(status);
  std::lock_guard lock(marker_mutex_);
  if (--in_flight_ == 0 && stopping_) marker_wake_.notify_all();
}

absl::StatusOr<std::shared_ptr<JournalConsumer>> Journal::Impl::Subscribe(
    SubscriptionOptions options, BatchHandler handler) {
  JournalTopic& topic = TopicOf(options.topic);
  const std::string key = MarkKey(options.topic, options.group);
  std::shared_ptr<JournalConsumer> consumer;
  bool fresh;
  {
    std::lock_guard lock(groups_mutex_);
    const auto it =
        groups_.try_emplace(key, Group{.topic = options.topic, .noted = {}, .live = nullptr}).first;
    Group& group = it->second;
    if (group.live != nullptr) {
      return absl::AlreadyExistsError(
          base::Cat("journal: ", options.group, " already reads ", options.topic));
    }
    fresh = group.noted.seen_us == 0;
    if (fresh && !options.from_start) group.noted.position = topic.end();
    consumer = std::make_shared<JournalConsumer>(
        topic, *this, std::move(options), std::move(handler), group.noted.position,
        Chrono(options_.first_retry), Chrono(options_.last_retry));
    group.live = consumer;
    group.noted.seen_us = base::NowMicros(clock_);
  }
  if (fresh) {
    std::lock_guard lock(groups_mutex_);
    Batch batch;
    batch.Put(Table::kPositions, key, EncodeMark(groups_[key].noted));
    spool_.Commit(std::move(batch), Durability::kApplied, [](absl::Status) {});
  }
  topic.Add(consumer);
  consumer->Start();
  return consumer;
}

void Journal::Impl::Unsubscribe(JournalConsumer& consumer) {
  consumer.Stop();
  TopicOf(consumer.topic()).Remove(&consumer);
  (void)StoreMarks();  // what cannot be noted is given again, which consumers bear
  consumer.Detach();
  std::lock_guard lock(groups_mutex_);
  groups_[MarkKey(consumer.topic(), consumer.options().group)].live = nullptr;
}

void Journal::Impl::MarkMoved() {
  std::lock_guard lock(marker_mutex_);
  if (std::exchange(moved_, true)) return;
  marker_wake_.notify_all();
}

void Journal::Impl::NoteMarks() {
  std::unique_lock lock(marker_mutex_);
  while (true) {
    marker_wake_.wait(lock, [this] { return stopping_ || moved_; });
    if (stopping_) return;
    marker_wake_.wait_for(lock, kMarkInterval, [this] { return stopping_; });
    moved_ = false;
    lock.unlock();
    const absl::Status stored = StoreMarks();
    lock.lock();
    if (!stored.ok()) moved_ = true;
  }
}

absl::Status Journal::Impl::StoreMarks() {
  const int64_t now = base::NowMicros(clock_);
  std::vector<std::pair<std::string, Mark>> marks;
  Batch batch;
  {
    std::lock_guard lock(groups_mutex_);
    for (auto& [key, group] : groups_) {
      if (group.live == nullptr) continue;
      const int64_t mark = group.live->mark();
      if (mark <= group.noted.position) continue;
      marks.emplace_back(key, Mark{.position = mark, .seen_us = now});
      batch.Put(Table::kPositions, key, EncodeMark(marks.back().second));
    }
  }
  if (marks.empty()) return absl::OkStatus();
  CLEANMAIL_RETURN_IF_ERROR(spool_.CommitAndWait(std::move(batch), Durability::kApplied));
  std::lock_guard lock(groups_mutex_);
  for (const auto& [key, mark] : marks) {
    if (Mark& noted = groups_[key].noted; noted.position < mark.position) noted = mark;
  }
  return absl::OkStatus();
}

void Journal::Impl::BuryDead(std::string_view topic, std::string_view group, const EventRef& event,
                             const absl::Status& reason, std::function<void(absl::Status)> done) {
  Publication publication;
  publication.records.push_back(MakeDeadLetter(topic, group, event->key, event->payload,
                                               event->trace, reason, base::NowMicros(clock_)));
  Publish(std::move(publication), [this, topic = std::string(topic), group = std::string(group),
                                   reason, done = std::move(done)](absl::Status status) {
    if (status.ok()) {
      dead_letters_.fetch_add(1, std::memory_order_relaxed);
      if (options_.on_dead_letter) options_.on_dead_letter(topic, group, reason);
    }
    done(std::move(status));
  });
}

absl::Status Journal::Impl::Accepting() {
  std::lock_guard lock(accept_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now >= accept_until_) {
    accepting_ = CheckAccepting();
    accept_until_ = now + kAcceptInterval;
  }
  return accepting_;
}

absl::Status Journal::Impl::CheckAccepting() {
  if (const absl::Status health = spool_.Health(); !health.ok()) {
    return absl::ResourceExhaustedError(base::Cat("the spool cannot write: ", health.message()));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t free, spool_.FreeBytes());
  if (free < options_.min_free_bytes) {
    return absl::ResourceExhaustedError(base::Cat("the disk is too full: ", free,
                                                  " bytes are free and spool.min_free_bytes is ",
                                                  options_.min_free_bytes));
  }
  std::lock_guard lock(groups_mutex_);
  for (const auto& [key, group] : groups_) {
    if (group.live == nullptr) continue;
    if (const int64_t lag = group.live->lag(); lag > options_.max_lag) {
      return absl::ResourceExhaustedError(
          base::Cat(group.live->options().group, " is ", lag, " events behind in ", group.topic));
    }
  }
  return absl::OkStatus();
}

absl::Status Journal::Impl::Trim() {
  const int64_t now = base::NowMicros(clock_);
  std::vector<Topic*> topics;
  {
    std::lock_guard lock(topics_mutex_);
    for (auto& [name, topic] : topics_) topics.push_back(&topic);
  }
  absl::Status first;
  for (Topic* topic : topics)
    first.Update(topic->compacted ? TrimTombstones(*topic->log, now) : TrimLog(*topic->log, now));
  return first;
}

// Everything below it is finished by all groups that count; forgets those that no longer do.
int64_t Journal::Impl::FloorOf(const std::string& topic, int64_t now, Batch& batch) {
  int64_t floor = TopicOf(topic).end();
  std::lock_guard lock(groups_mutex_);
  for (auto it = groups_.begin(); it != groups_.end();) {
    Group& group = it->second;
    const bool counts = group.live != nullptr ||
                        now - group.noted.seen_us < absl::ToInt64Microseconds(options_.group_life);
    if (group.topic != topic) {
      ++it;
    } else if (counts) {
      if (group.live != nullptr) group.noted.seen_us = now;
      floor = std::min(floor, group.noted.position);
      ++it;
    } else {
      batch.Delete(Table::kPositions, it->first);
      it = groups_.erase(it);
    }
  }
  return floor;
}

absl::Status Journal::Impl::TrimLog(JournalTopic& topic, int64_t now) {
  const bool dead = topic.name().ends_with(DeadTopicOf(""));
  const absl::Duration life = dead ? options_.dead_letter_life : options_.event_life;
  Batch forgotten_groups;
  const int64_t floor = FloorOf(topic.name(), now, forgotten_groups);
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t border,
      FirstYoungerThan(spool_, topic.name(), now - absl::ToInt64Microseconds(life), floor));
  return DeleteBefore(spool_, topic, border, std::move(forgotten_groups));
}

absl::Status Journal::Impl::TrimTombstones(JournalTopic& topic, int64_t now) {
  const std::string prefix = TombstonePrefix(topic.name());
  const std::string end =
      prefix +
      EncodeNumber(std::max<int64_t>(0, now - absl::ToInt64Microseconds(options_.tombstone_life)));
  std::vector<std::pair<std::string, std::string>> old;
  CLEANMAIL_RETURN_IF_ERROR(
      spool_.Scan(Table::kState, prefix, end, [&](std::string_view key, std::string_view value) {
        old.emplace_back(key, value);
        return old.size() < kTombstonesAtOnce;
      }));
  if (old.empty()) return absl::OkStatus();
  Batch batch;
  std::lock_guard lock(publish_mutex_);  // nobody replaces these keys meanwhile
  for (const auto& [key, resource] : old) {
    batch.Delete(Table::kState, key);
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t position,
                               DecodeNumber(std::string_view(key).substr(prefix.size() + 8)));
    const std::string index = IndexKey(topic.name(), resource);
    const absl::StatusOr<std::string> newest = spool_.Get(Table::kState, index);
    if (pending_.contains(index) || !newest.ok() || *newest != EncodeNumber(position)) continue;
    batch.Delete(Table::kEvents, EventKey(topic.name(), position));
    batch.Delete(Table::kState, index);
  }
  batch.Put(Table::kState, NextKey(topic.name()), EncodeNumber(topic.end()));
  spool_.Commit(std::move(batch), Durability::kApplied, [](absl::Status) {});
  return absl::OkStatus();
}

void Journal::Impl::Stop() {
  {
    std::unique_lock lock(marker_mutex_);
    stopping_ = true;
    marker_wake_.notify_all();
    marker_wake_.wait(lock, [this] { return in_flight_ == 0; });
  }
  if (marker_.joinable()) marker_.join();
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() { impl_->Stop(); }

absl::StatusOr<std::unique_ptr<Journal>> Journal::Create(spool::Spool& spool,
                                                         const base::Clock& clock,
                                                         JournalOptions options) {
  auto impl = std::make_unique<Impl>(spool, clock, std::move(options));
  CLEANMAIL_RETURN_IF_ERROR(impl->Load());
  impl->Start();
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

void Journal::Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) {
  impl_->Publish(std::move(publication), std::move(done));
}

absl::StatusOr<std::unique_ptr<Subscription>> Journal::Subscribe(SubscriptionOptions options,
                                                                 BatchHandler handler) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::shared_ptr<JournalConsumer> consumer,
                             impl_->Subscribe(std::move(options), std::move(handler)));
  return std::make_unique<Reading>(std::move(consumer),
                                   [this](JournalConsumer& ended) { impl_->Unsubscribe(ended); });
}

absl::StatusOr<std::unique_ptr<Subscription>> Journal::Follow(
    std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) {
  JournalTopic& followed = impl_->TopicOf(topic);
  auto follower = std::make_shared<JournalFollower>(followed, position + 1, std::move(handler));
  followed.Add(follower);
  follower->Start();
  return std::make_unique<Following>(followed, std::move(follower));
}

absl::StatusOr<int64_t> Journal::NewestPosition(std::string_view topic) {
  return impl_->TopicOf(topic).end() - 1;
}

absl::Status Journal::Accepting() { return impl_->Accepting(); }
absl::Status Journal::Trim() { return impl_->Trim(); }
int64_t Journal::dead_letters() const { return impl_->dead_letters(); }

}  // namespace cleanmail::bus
