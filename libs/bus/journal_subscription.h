#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "libs/bus/bus.h"
#include "libs/bus/journal_consumer.h"
#include "libs/bus/journal_follower.h"

namespace cleanmail::bus {

// What Subscribe hands out.
class Reading final : public Subscription {
 public:
  Reading(std::shared_ptr<JournalConsumer> consumer, std::function<void(JournalConsumer&)> end)
      : consumer_(std::move(consumer)), end_(std::move(end)) {}
  ~Reading() override { end_(*consumer_); }
  void Pause() override { consumer_->SetPaused(true); }
  void Resume() override { consumer_->SetPaused(false); }
  size_t in_hand() const override { return consumer_->in_hand(); }
  int64_t lag() const override { return consumer_->lag(); }

 private:
  std::shared_ptr<JournalConsumer> consumer_;
  std::function<void(JournalConsumer&)> end_;
};

// What Follow hands out.
class Following final : public Subscription {
 public:
  Following(JournalTopic& topic, std::shared_ptr<JournalFollower> follower)
      : topic_(topic), follower_(std::move(follower)) {}
  ~Following() override {
    topic_.Remove(follower_.get());
    follower_->Stop();
  }
  void Pause() override { follower_->SetPaused(true); }
  void Resume() override { follower_->SetPaused(false); }
  size_t in_hand() const override { return 0; }
  int64_t lag() const override { return follower_->lag(); }

 private:
  JournalTopic& topic_;
  std::shared_ptr<JournalFollower> follower_;  // shared with the topic that wakes it
};

}  // namespace cleanmail::bus
