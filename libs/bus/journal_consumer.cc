#include "libs/bus/journal_consumer.h"

#include <algorithm>
#include <utility>

namespace cleanmail::bus {

JournalConsumer::JournalConsumer(JournalTopic& topic, ConsumerHost& host,
                                 SubscriptionOptions options, BatchHandler handler, int64_t start,
                                 std::chrono::milliseconds first_retry,
                                 std::chrono::milliseconds last_retry)
    : topic_(topic),
      host_(host),
      topic_name_(topic.name()),
      options_(std::move(options)),
      cursor_(start),
      lines_(
          std::make_shared<KeyLines>(*this, this,
                                     LinesOptions{.workers = options_.workers,
                                                  .batch = options_.batch,
                                                  .window = options_.window,
                                                  .rest = absl::ToChronoMicroseconds(options_.rest),
                                                  .first_retry = first_retry,
                                                  .last_retry = last_retry},
                                     std::move(handler))) {
  lines_->AddPartition(0, start);
}

absl::StatusOr<EventSource::Page> JournalConsumer::Read(int64_t position, size_t limit) {
  absl::StatusOr<Page> page = topic_.Read(position, limit);
  if (page.ok()) cursor_.store(page->next, std::memory_order_relaxed);
  return page;
}

void JournalConsumer::BuryDead(const EventRef& event, const absl::Status& reason,
                               std::function<void(absl::Status)> done) {
  host_.BuryDead(topic_name_, options_.group, event, reason, std::move(done));
}

int64_t JournalConsumer::lag() const {
  const int64_t end = topic_.end();
  const KeyLines::Standing standing = lines_->standings().front();
  return std::max<int64_t>(0, end - standing.next) + static_cast<int64_t>(standing.held);
}

}  // namespace cleanmail::bus
