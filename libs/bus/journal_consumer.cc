#include "libs/bus/journal_consumer.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"

namespace cleanmail::bus {
namespace {

constexpr size_t kFetch = 256;        // events read from the topic at once
constexpr size_t kParkedWindows = 8;  // fetched events behind keys that wait, at most, in windows
constexpr size_t kLineInMemory =
    256;  // events of one waiting line kept in memory; the rest is read again

bool IsRetryable(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

class JournalInbound final : public Inbound {
 public:
  JournalInbound(std::shared_ptr<JournalConsumer> consumer, EventRef event, int attempt)
      : consumer_(std::move(consumer)), event_(std::move(event)), attempt_(attempt) {}
  ~JournalInbound() override {
    if (consumer_ != nullptr)
      Finish(absl::UnavailableError("the consumer dropped the event unfinished"));
  }
  const std::string& key() const override { return event_->key; }
  const std::string& payload() const override { return event_->payload; }
  const std::string& trace() const override { return event_->trace; }
  int64_t position() const override { return event_->position; }
  int attempt() const override { return attempt_; }
  void Finish(absl::Status status) override {
    CLEANMAIL_CHECK(consumer_ != nullptr, "an event is finished once");
    std::exchange(consumer_, nullptr)->Finish(event_->key, event_->position, std::move(status));
  }

 private:
  std::shared_ptr<JournalConsumer>
      consumer_;  // shared: the event may be finished after the subscription has ended
  const EventRef event_;
  const int attempt_;
};

}  // namespace

JournalConsumer::JournalConsumer(JournalTopic& topic, ConsumerHost& host,
                                 SubscriptionOptions options, BatchHandler handler, int64_t start,
                                 ConsumerTiming timing)
    : topic_(topic),
      topic_name_(topic.name()),
      options_(std::move(options)),
      timing_(timing),
      handler_(std::move(handler)),
      cursor_(start),
      host_(&host) {
  for (int i = 0; i < std::max(1, options_.workers); ++i)
    workers_.push_back(std::make_unique<Worker>());
}

JournalConsumer::~JournalConsumer() = default;

void JournalConsumer::Start() {
  for (size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->thread = std::thread([this, i] { Run(i); });
}

void JournalConsumer::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& worker : workers_) worker->wake.notify_all();
  }
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void JournalConsumer::Detach() {
  std::unique_lock lock(mutex_);
  host_ = nullptr;
  buried_.wait(lock, [this] { return burying_ == 0; });
}

void JournalConsumer::WakeWorker(Worker& worker) {
  if (!std::exchange(worker.idle, false)) return;  // it looks for work by itself before it sleeps
  worker.wake.notify_one();
}

void JournalConsumer::Wake(std::span<const EventRef> events) {
  std::lock_guard lock(mutex_);
  news_ = true;
  if (paused_) return;
  for (const EventRef& event : events) WakeWorker(*workers_[event->key_hash % workers_.size()]);
}

void JournalConsumer::Run(size_t index) {
  Worker& worker = *workers_[index];
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!paused_) {
      MoveDue(worker);
      Fetch(lock);
      std::vector<Letter> letters;
      std::vector<std::unique_ptr<Inbound>> batch = TakeBatch(worker, letters);
      if (!batch.empty() || !letters.empty()) {
        lock.unlock();
        Bury(std::move(letters));
        if (!batch.empty()) handler_(std::move(batch));
        lock.lock();
        continue;
      }
    }
    Time until = worker.waiting.empty() || paused_ ? Time::max() : worker.waiting.begin()->first;
    if (read_again_ != Time() && !paused_) until = std::min(until, read_again_);
    worker.idle = true;
    if (until == Time::max()) {
      worker.wake.wait(lock, [&] { return stopping_ || !worker.idle; });
    } else {
      worker.wake.wait_until(lock, until, [&] { return stopping_ || !worker.idle; });
    }
    worker.idle = false;
  }
}

// Reads without the lock, so that the committer that wakes us never waits for a disk. One worker
// reads at a time.
void JournalConsumer::Fetch(std::unique_lock<std::mutex>& lock) {
  if (fetching_ || (read_again_ != Time() && std::chrono::steady_clock::now() < read_again_))
    return;
  read_again_ = Time();
  fetching_ = true;
  while (!stopping_) {
    starved_ = ready_ + out_ >= options_.window ||
               slots_ - ready_ - out_ >= kParkedWindows * options_.window;
    if (starved_) break;
    const int64_t from = cursor();
    const size_t limit = std::min(kFetch, options_.window - ready_ - out_);
    news_ = false;
    lock.unlock();
    absl::StatusOr<JournalTopic::Page> page = topic_.Read(from, limit);
    lock.lock();
    if (!page.ok()) {
      read_again_ = std::chrono::steady_clock::now() + timing_.first_retry;
      break;
    }
    for (EventRef& event : page->events) Enqueue(std::move(event));
    cursor_.store(page->next, std::memory_order_relaxed);
    if (page->next == from && !news_) break;
  }
  fetching_ = false;
}

void JournalConsumer::Enqueue(EventRef event) {
  open_.emplace_back(event->position, false);
  ++slots_;
  auto [entry, fresh] = lines_.try_emplace(event->key);
  Line& line = entry->second;
  Slot slot{.event = nullptr, .position = event->position, .attempts = 0, .result = {}};
  const size_t hash = event->key_hash;
  if (line.state == Line::kReady || line.slots.size() < kLineInMemory)
    slot.event = std::move(event);
  line.slots.push_back(std::move(slot));
  if (line.state == Line::kReady) ++ready_;
  if (!fresh) return;
  line.worker = hash % workers_.size();
  Worker& worker = *workers_[line.worker];
  worker.ready.push_back(&*entry);
  WakeWorker(worker);
}

void JournalConsumer::MoveDue(Worker& worker) {
  if (worker.waiting.empty()) return;
  const Time now = std::chrono::steady_clock::now();
  while (!worker.waiting.empty() && worker.waiting.begin()->first <= now) {
    Lines::value_type* entry = worker.waiting.begin()->second;
    worker.waiting.erase(worker.waiting.begin());
    entry->second.state = Line::kReady;
    ready_ += entry->second.slots.size();
    worker.ready.push_back(entry);
  }
}

// Brings back events that were dropped from memory. False: they cannot be read now.
bool JournalConsumer::LoadFront(Line& line, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (line.slots[i].event != nullptr) continue;
    absl::StatusOr<EventRef> event = topic_.ReadOne(line.slots[i].position);
    if (event.ok()) {
      line.slots[i].event = *std::move(event);
    } else if (absl::IsNotFound(event.status())) {
      line.slots[i].result =
          absl::OkStatus();  // of a compacted topic, and a newer event of its key is there
    } else {
      return false;
    }
  }
  return true;
}

std::vector<std::unique_ptr<Inbound>> JournalConsumer::TakeBatch(Worker& worker,
                                                                 std::vector<Letter>& letters) {
  std::vector<std::unique_ptr<Inbound>> batch;
  while (!worker.ready.empty() && batch.size() < options_.batch) {
    if (out_ >= options_.window) {
      starved_ = true;
      break;
    }
    Lines::value_type& entry = *worker.ready.front();
    worker.ready.pop_front();
    Line& line = entry.second;
    const size_t count =
        std::min({line.slots.size(), options_.batch - batch.size(), options_.window - out_});
    ready_ -= line.slots.size();
    if (!LoadFront(line, count)) {
      WaitFor(entry, 1);
      continue;
    }
    line.state = Line::kOut;
    line.out = line.unfinished = count;
    out_ += count;
    for (size_t i = 0; i < count; ++i) {
      Slot& slot = line.slots[i];
      ++slot.attempts;
      if (!slot.result && slot.event->damaged)
        slot.result = absl::DataLossError("the event's bytes in the journal cannot be read");
      if (slot.result) {
        --line.unfinished;
        continue;
      }
      batch.push_back(
          std::make_unique<JournalInbound>(shared_from_this(), slot.event, slot.attempts));
    }
    if (line.unfinished == 0) Resolve(entry, letters);
  }
  return batch;
}

void JournalConsumer::Finish(std::string_view key, int64_t position, absl::Status status) {
  std::vector<Letter> letters;
  {
    std::lock_guard lock(mutex_);
    const auto it = lines_.find(std::string(key));
    CLEANMAIL_CHECK(it != lines_.end(), "an event that was given out has its line");
    Line& line = it->second;
    const auto slot = std::find_if(line.slots.begin(), line.slots.end(),
                                   [&](const Slot& each) { return each.position == position; });
    CLEANMAIL_CHECK(slot != line.slots.end(), "an event that was given out stands in its line");
    slot->result = std::move(status);
    if (--line.unfinished == 0) Resolve(*it, letters);
    if (starved_ && out_ < options_.window) WakeStarved();
  }
  Bury(std::move(letters));
}

// There is room again: those who have something to give out go on, else one fetches.
void JournalConsumer::WakeStarved() {
  Worker* fetcher = nullptr;
  bool woken = false;
  for (const auto& worker : workers_) {
    if (!worker->idle) {
      woken = true;  // it will look before it sleeps
    } else if (!worker->ready.empty()) {
      WakeWorker(*worker);
      woken = true;
    } else {
      fetcher = worker.get();
    }
  }
  if (!woken && fetcher != nullptr) WakeWorker(*fetcher);
}

void JournalConsumer::WaitFor(Lines::value_type& entry, int attempts) {
  Line& line = entry.second;
  auto pause = timing_.first_retry;
  for (int i = 1; i < attempts && pause < timing_.last_retry; ++i) pause *= 2;
  line.state = Line::kWaiting;
  line.due = std::chrono::steady_clock::now() + std::min(pause, timing_.last_retry);
  for (size_t i = kLineInMemory; i < line.slots.size(); ++i) line.slots[i].event = nullptr;
  Worker& worker = *workers_[line.worker];
  worker.waiting.emplace(line.due, &entry);
  WakeWorker(worker);  // to reckon anew how long it may sleep
}

// All that was given out of a line is finished: what comes before the first that must be tried
// again is done or dead.
void JournalConsumer::Resolve(Lines::value_type& entry, std::vector<Letter>& letters) {
  Line& line = entry.second;
  const auto given_end = line.slots.begin() + static_cast<std::ptrdiff_t>(line.out);
  const auto retry = std::find_if(line.slots.begin(), given_end,
                                  [](const Slot& slot) { return IsRetryable(*slot.result); });
  for (auto slot = line.slots.begin(); slot != retry; ++slot) {
    if (slot->result->ok()) continue;
    letters.push_back({entry.first, slot->event, *slot->result});
    ++line.unfinished;
  }
  if (line.unfinished > 0) return;  // they come back by Finish once the dead are buried
  for (auto slot = line.slots.begin(); slot != retry; ++slot) Complete(slot->position);
  for (auto slot = retry; slot != given_end; ++slot) slot->result.reset();
  const bool again = retry != given_end;
  out_ -= line.out;
  slots_ -= static_cast<size_t>(retry - line.slots.begin());
  line.out = 0;
  line.slots.erase(line.slots.begin(), retry);
  if (again) {
    WaitFor(entry, line.slots.front().attempts);
  } else if (line.slots.empty()) {
    lines_.erase(entry.first);
  } else {
    line.state = Line::kReady;
    ready_ += line.slots.size();
    Worker& worker = *workers_[line.worker];
    worker.ready.push_back(&entry);
    WakeWorker(worker);
  }
}

void JournalConsumer::Complete(int64_t position) {
  const auto it = std::lower_bound(open_.begin(), open_.end(), position,
                                   [](const auto& each, int64_t at) { return each.first < at; });
  it->second = true;
  if (it != open_.begin()) return;
  while (!open_.empty() && open_.front().second) open_.pop_front();
  if (host_ != nullptr) host_->MarkMoved();
}

void JournalConsumer::Bury(std::vector<Letter> letters) {
  if (letters.empty()) return;
  std::unique_lock lock(mutex_);
  if (host_ == nullptr) return;
  ConsumerHost& host = *host_;
  ++burying_;
  lock.unlock();
  for (const Letter& letter : letters) {
    host.BuryDead(topic_name_, options_.group, letter.event, letter.reason,
                  [self = shared_from_this(), key = letter.key,
                   position = letter.event->position](absl::Status status) {
                    self->Finish(key, position,
                                 status.ok()
                                     ? status
                                     : absl::UnavailableError("the dead letter could not be kept"));
                  });
  }
  lock.lock();
  --burying_;
  buried_.notify_all();
}

void JournalConsumer::SetPaused(bool paused) {
  std::lock_guard lock(mutex_);
  paused_ = paused;
  if (paused) return;
  for (const auto& worker : workers_) WakeWorker(*worker);
}

size_t JournalConsumer::in_hand() const {
  std::lock_guard lock(mutex_);
  return out_;
}

int64_t JournalConsumer::lag() const {
  std::lock_guard lock(mutex_);
  return topic_.end() - cursor() + static_cast<int64_t>(slots_);
}

int64_t JournalConsumer::mark() const {
  std::lock_guard lock(mutex_);
  return open_.empty() ? cursor() : open_.front().first;
}

}  // namespace cleanmail::bus
