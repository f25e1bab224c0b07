#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "libs/bus/bus.h"
#include "libs/bus/journal_topic.h"
#include "libs/bus/key_lines.h"

namespace cleanmail::bus {

// What a consumer asks of the journal that made it. Thread-safe.
class ConsumerHost {
 public:
  virtual ~ConsumerHost() = default;
  // The consumer's mark() has moved: note it soon.
  virtual void MarkMoved() = 0;
  // Keeps an event nobody can handle; `done` is called once, on any thread.
  virtual void BuryDead(std::string_view topic, std::string_view group, const EventRef& event,
                        const absl::Status& reason, std::function<void(absl::Status)> done) = 0;
};

// One group's reading of one topic of the journal: lines over the topic. Thread-safe.
class JournalConsumer final : public Listener, public LinesHost, public EventSource {
 public:
  JournalConsumer(JournalTopic& topic, ConsumerHost& host, SubscriptionOptions options,
                  BatchHandler handler, int64_t start, std::chrono::milliseconds first_retry,
                  std::chrono::milliseconds last_retry);

  void Start() { lines_->Start(); }
  // Ends the workers; nothing is handled afterwards.
  void Stop() { lines_->Stop(); }
  // After it the host is not used any more.
  void Detach() { lines_->Detach(); }

  void Wake(std::span<const EventRef> events) override { lines_->Wake(events); }
  int64_t cursor() const override { return cursor_.load(std::memory_order_relaxed); }

  void SetPaused(bool paused) { lines_->SetPaused(paused); }
  size_t in_hand() const { return lines_->in_hand(); }
  int64_t lag() const;
  // Everything before it is finished.
  int64_t mark() const { return lines_->mark(); }
  const SubscriptionOptions& options() const { return options_; }
  const std::string& topic() const { return topic_name_; }

 private:
  void MarkMoved() override { host_.MarkMoved(); }
  void BuryDead(const EventRef& event, const absl::Status& reason,
                std::function<void(absl::Status)> done) override;
  absl::StatusOr<Page> Read(int64_t position, size_t limit) override;
  absl::StatusOr<EventRef> ReadOne(int64_t position) override { return topic_.ReadOne(position); }

  JournalTopic& topic_;
  ConsumerHost& host_;
  const std::string topic_name_;
  const SubscriptionOptions options_;
  std::atomic<int64_t> cursor_;            // read and not needed in the topic's memory any more
  const std::shared_ptr<KeyLines> lines_;  // shared with the events it gave out
};

}  // namespace cleanmail::bus
