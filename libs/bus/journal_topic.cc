#include "libs/bus/journal_topic.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"

namespace cleanmail::bus {
namespace {

size_t BytesOf(const Event& event) {
  return sizeof(Event) + event.key.size() + event.payload.size() + event.trace.size();
}

}  // namespace

JournalTopic::JournalTopic(spool::Spool& spool, std::string name, int64_t next, size_t tail_bytes)
    : spool_(spool),
      name_(std::move(name)),
      tail_limit_(tail_bytes),
      next_(next),
      end_(next),
      tail_start_(next),
      listeners_(std::make_shared<Listeners>()) {}

void JournalTopic::Announce(std::vector<EventRef> events, int64_t end) {
  std::shared_ptr<const Listeners> listeners;
  {
    std::lock_guard lock(mutex_);
    end_ = std::max(end_, end);
    for (const EventRef& event : events) {
      tail_bytes_ += BytesOf(*event);
      tail_.push_back(event);
    }
    DropTail();
    listeners = listeners_;
  }
  if (events.empty()) return;
  for (const std::shared_ptr<Listener>& listener : *listeners) listener->Wake(events);
}

// Drops what every listener has read, and the oldest beyond the limit.
void JournalTopic::DropTail() {
  int64_t needed = end_;
  for (const std::shared_ptr<Listener>& listener : *listeners_)
    needed = std::min(needed, listener->cursor());
  while (!tail_.empty() && (tail_.front()->position < needed || tail_bytes_ > tail_limit_)) {
    tail_start_ = tail_.front()->position + 1;
    tail_bytes_ -= BytesOf(*tail_.front());
    tail_.pop_front();
  }
  if (tail_.empty()) tail_start_ = end_;
}

int64_t JournalTopic::end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

absl::StatusOr<JournalTopic::Page> JournalTopic::Read(int64_t position, size_t limit) {
  int64_t spool_end;
  {
    std::lock_guard lock(mutex_);
    if (position >= tail_start_) {
      Page page;
      auto it =
          std::lower_bound(tail_.begin(), tail_.end(), position,
                           [](const EventRef& event, int64_t at) { return event->position < at; });
      for (; it != tail_.end() && page.events.size() < limit; ++it) page.events.push_back(*it);
      page.next = it == tail_.end() ? std::max(position, end_) : (*it)->position;
      return page;
    }
    spool_end = tail_start_;
  }
  return ReadSpool(position, spool_end, limit);
}

absl::StatusOr<JournalTopic::Page> JournalTopic::ReadSpool(int64_t position, int64_t end,
                                                           size_t limit) {
  Page page{.events = {}, .next = end};
  const auto take = [&](std::string_view key, std::string_view value) {
    const absl::StatusOr<int64_t> at = PositionOf(name_, key);
    if (!at.ok()) return true;  // not ours: keys of a topic have one length
    if (page.events.size() == limit) {
      page.next = *at;
      return false;
    }
    absl::StatusOr<Event> event = DecodeEvent(*at, value);
    if (!event.ok()) event = Event{.position = *at, .damaged = true, .payload = std::string(value)};
    page.events.push_back(std::make_shared<const Event>(*std::move(event)));
    return true;
  };
  CLEANMAIL_RETURN_IF_ERROR(
      spool_.Scan(spool::Table::kEvents, EventKey(name_, position), EventKey(name_, end), take));
  return page;
}

absl::StatusOr<EventRef> JournalTopic::ReadOne(int64_t position) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string bytes,
                             spool_.Get(spool::Table::kEvents, EventKey(name_, position)));
  CLEANMAIL_ASSIGN_OR_RETURN(Event event, DecodeEvent(position, bytes));
  return std::make_shared<const Event>(std::move(event));
}

void JournalTopic::Add(std::shared_ptr<Listener> listener) {
  std::lock_guard lock(mutex_);
  auto listeners = std::make_shared<Listeners>(*listeners_);
  listeners->push_back(std::move(listener));
  listeners_ = std::move(listeners);
}

void JournalTopic::Remove(const Listener* listener) {
  std::lock_guard lock(mutex_);
  auto listeners = std::make_shared<Listeners>(*listeners_);
  std::erase_if(*listeners, [listener](const std::shared_ptr<Listener>& each) {
    return each.get() == listener;
  });
  listeners_ = std::move(listeners);
}

}  // namespace cleanmail::bus
