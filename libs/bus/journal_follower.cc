#include "libs/bus/journal_follower.h"

#include <chrono>
#include <utility>

namespace cleanmail::bus {
namespace {

constexpr size_t kPage = 256;
constexpr std::chrono::milliseconds kReadAgain(200);

}  // namespace

JournalFollower::JournalFollower(JournalTopic& topic, int64_t start,
                                 absl::AnyInvocable<void(Change)> handler)
    : topic_(topic), handler_(std::move(handler)), cursor_(start) {}

JournalFollower::~JournalFollower() { Stop(); }

void JournalFollower::Start() {
  thread_ = std::thread([this] { Run(); });
}

void JournalFollower::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void JournalFollower::Wake(std::span<const EventRef>) {
  std::lock_guard lock(mutex_);
  news_ = true;
  wake_.notify_one();
}

void JournalFollower::SetPaused(bool paused) {
  std::lock_guard lock(mutex_);
  paused_ = paused;
  wake_.notify_one();
}

void JournalFollower::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || (news_ && !paused_); });
    if (stopping_) return;
    news_ = false;
    lock.unlock();
    const int64_t from = cursor();
    absl::StatusOr<JournalTopic::Page> page = topic_.Read(from, kPage);
    if (page.ok()) {
      for (const EventRef& event : page->events) {
        if (!event->damaged) {
          handler_({.key = event->key,
                    .payload = event->payload,
                    .tombstone = event->tombstone,
                    .position = event->position});
        }
        std::lock_guard check(mutex_);
        if (stopping_) return;
      }
      cursor_.store(page->next, std::memory_order_relaxed);
    }
    lock.lock();
    if (!page.ok()) {
      wake_.wait_for(lock, kReadAgain, [this] { return stopping_; });
      news_ = true;
    } else if (page->next != from) {
      news_ = true;
    }
  }
}

}  // namespace cleanmail::bus
