#include "libs/bus/key_lines.h"

#include <algorithm>

#include "libs/base/status_macros.h"

namespace cleanmail::bus {
namespace {

constexpr size_t kFetch = 256;        // events read from the source at once
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

}  // namespace

// An event that was given out.
class KeyLines::Given final : public Inbound {
 public:
  Given(std::shared_ptr<KeyLines> lines, std::shared_ptr<Partition> partition, EventRef event,
        int attempt)
      : lines_(std::move(lines)),
        partition_(std::move(partition)),
        event_(std::move(event)),
        attempt_(attempt) {}
  ~Given() override {
    if (lines_ != nullptr)
      Finish(absl::UnavailableError("the consumer dropped the event unfinished"));
  }
  const std::string& key() const override { return event_->key; }
  const std::string& payload() const override { return event_->payload; }
  const std::string& trace() const override { return event_->trace; }
  int64_t position() const override { return event_->position; }
  int attempt() const override { return attempt_; }
  void Finish(absl::Status status) override {
    CLEANMAIL_CHECK(lines_ != nullptr, "an event is finished once");
    std::exchange(lines_, nullptr)
        ->Finish(partition_, event_->key, event_->position, std::move(status));
  }

 private:
  std::shared_ptr<KeyLines> lines_;       // these two shared: the event may be finished after the
  std::shared_ptr<Partition> partition_;  // subscription has ended or the partition has gone
  const EventRef event_;
  const int attempt_;
};

KeyLines::KeyLines(LinesHost& host, EventSource* source, LinesOptions options, BatchHandler handler)
    : options_(options), handler_(std::move(handler)), host_(&host), source_(source) {
  for (int i = 0; i < std::max(1, options_.workers); ++i)
    workers_.push_back(std::make_unique<Worker>());
}

void KeyLines::Start() {
  for (size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->thread = std::thread([this, i] { Run(i); });
}

void KeyLines::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& worker : workers_) worker->wake.notify_all();
  }
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void KeyLines::Detach() {
  std::unique_lock lock(mutex_);
  host_ = nullptr;
  source_ = nullptr;
  buried_.wait(lock, [this] { return burying_ == 0; });
}

std::shared_ptr<KeyLines::Partition> KeyLines::Find(int32_t partition) const {
  const auto it = partitions_.find(partition);
  return it == partitions_.end() ? nullptr : it->second;
}

void KeyLines::AddPartition(int32_t partition, int64_t start) {
  auto fresh = std::make_shared<Partition>();
  fresh->id = partition;
  fresh->next = start;
  std::lock_guard lock(mutex_);
  CLEANMAIL_CHECK(partitions_.emplace(partition, std::move(fresh)).second,
                  "a partition is retired before it comes again");
}

std::vector<std::pair<int32_t, int64_t>> KeyLines::Retire(std::span<const int32_t> partitions,
                                                          std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::vector<std::shared_ptr<Partition>> leaving;
  for (const int32_t id : partitions) {
    if (std::shared_ptr<Partition> partition = Find(id)) leaving.push_back(std::move(partition));
  }
  const auto is_leaving = [](const Lines::value_type* entry) {
    return entry->second.partition->retired;
  };
  for (const auto& partition : leaving) {
    partition->retired = true;
    for (auto& [key, line] : partition->lines) {
      if (line.state != Line::kReady) continue;
      ready_ -= line.slots.size();
      line.state = Line::kWaiting;
    }
  }
  for (const auto& worker : workers_) {
    std::erase_if(worker->ready, is_leaving);
    std::erase_if(worker->waiting, [&](const auto& each) { return is_leaving(each.second); });
  }
  returned_.wait_for(lock, patience, [&] {
    return std::all_of(leaving.begin(), leaving.end(), [](const auto& p) { return p->out == 0; });
  });
  std::vector<std::pair<int32_t, int64_t>> marks;
  for (const auto& partition : leaving) {
    marks.emplace_back(partition->id, partition->mark());
    Forget(*partition);
  }
  if (starved_ && out_ < options_.window) WakeStarved();
  return marks;
}

void KeyLines::Forget(Partition& partition) {
  slots_ -= partition.slots;
  out_ -= partition.out;
  partition.gone = true;
  partition.lines.clear();
  partitions_.erase(partition.id);
}

bool KeyLines::Add(int32_t partition, std::vector<EventRef> events) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Partition> into = Find(partition);
  if (into == nullptr || into->retired || events.empty()) return true;
  if (events.front()->position < into->next) return false;
  for (EventRef& event : events) {
    into->next = event->position + 1;
    Enqueue(*into, std::move(event));
  }
  return true;
}

bool KeyLines::IsFull(const Partition& partition, size_t part) const {
  return partition.slots > options_.held / part || partition.open.size() > options_.span / part;
}

bool KeyLines::HasRoom(int32_t partition) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Partition> asked = Find(partition);
  if (asked == nullptr) return true;
  // Once full, it is fed again when half of it is gone: stopping and starting costs a fetch.
  asked->full = IsFull(*asked, asked->full ? 2 : 1);
  return !asked->full;
}

void KeyLines::WakeWorker(Worker& worker) {
  if (!std::exchange(worker.idle, false)) return;  // it looks for work by itself before it sleeps
  worker.wake.notify_one();
}

void KeyLines::Wake(std::span<const EventRef> events) {
  std::lock_guard lock(mutex_);
  news_ = true;
  if (paused_) return;
  for (const EventRef& event : events) WakeWorker(*workers_[event->key_hash % workers_.size()]);
}

void KeyLines::Run(size_t index) {
  Worker& worker = *workers_[index];
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!paused_) {
      MoveDue(worker);
      Fetch(lock);
      std::vector<Letter> letters;
      std::vector<std::unique_ptr<Inbound>> batch = TakeBatch(worker, letters);
      if (!batch.empty() || !letters.empty()) {
        const bool full = batch.size() >= options_.batch;
        lock.unlock();
        Bury(std::move(letters));
        if (!batch.empty()) handler_(std::move(batch));
        lock.lock();
        // It is not idle: nobody wakes it but Stop.
        if (!full && options_.rest.count() > 0)
          worker.wake.wait_for(lock, options_.rest, [this] { return stopping_; });
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
void KeyLines::Fetch(std::unique_lock<std::mutex>& lock) {
  if (source_ == nullptr || fetching_) return;
  if (read_again_ != Time() && std::chrono::steady_clock::now() < read_again_) return;
  read_again_ = Time();
  fetching_ = true;
  Partition& partition = *partitions_.at(0);
  while (!stopping_) {
    starved_ = ready_ + out_ >= options_.window ||
               slots_ - ready_ - out_ >= kParkedWindows * options_.window;
    if (starved_) break;
    const int64_t from = partition.next;
    const size_t limit = std::min(kFetch, options_.window - ready_ - out_);
    news_ = false;
    lock.unlock();
    absl::StatusOr<EventSource::Page> page = source_->Read(from, limit);
    lock.lock();
    if (!page.ok()) {
      read_again_ = std::chrono::steady_clock::now() + options_.first_retry;
      break;
    }
    for (EventRef& event : page->events) Enqueue(partition, std::move(event));
    partition.next = page->next;
    if (page->next == from && !news_) break;
  }
  fetching_ = false;
}

void KeyLines::Enqueue(Partition& partition, EventRef event) {
  partition.open.emplace_back(event->position, false);
  ++partition.slots;
  ++slots_;
  auto [entry, fresh] = partition.lines.try_emplace(event->key);
  Line& line = entry->second;
  Slot slot{.event = nullptr, .position = event->position, .attempts = 0, .result = {}};
  const size_t hash = event->key_hash;
  if (source_ == nullptr || line.state == Line::kReady || line.slots.size() < kLineInMemory)
    slot.event = std::move(event);
  line.slots.push_back(std::move(slot));
  if (line.state == Line::kReady) ++ready_;
  if (!fresh) return;
  line.partition = &partition;
  line.worker = hash % workers_.size();
  Worker& worker = *workers_[line.worker];
  worker.ready.push_back(&*entry);
  WakeWorker(worker);
}

void KeyLines::MoveDue(Worker& worker) {
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
bool KeyLines::LoadFront(Line& line, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (line.slots[i].event != nullptr) continue;
    absl::StatusOr<EventRef> event = source_->ReadOne(line.slots[i].position);
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

std::vector<std::unique_ptr<Inbound>> KeyLines::TakeBatch(Worker& worker,
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
    const std::shared_ptr<Partition> partition = Find(line.partition->id);
    line.state = Line::kOut;
    line.out = line.unfinished = count;
    out_ += count;
    partition->out += count;
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
          std::make_unique<Given>(shared_from_this(), partition, slot.event, slot.attempts));
    }
    if (line.unfinished == 0) Resolve(entry, letters);
  }
  return batch;
}

void KeyLines::Finish(const std::shared_ptr<Partition>& partition, const std::string& key,
                      int64_t position, absl::Status status) {
  std::vector<Letter> letters;
  {
    std::lock_guard lock(mutex_);
    if (partition->gone) return;  // another instance has it now
    const auto it = partition->lines.find(key);
    CLEANMAIL_CHECK(it != partition->lines.end(), "an event that was given out has its line");
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
void KeyLines::WakeStarved() {
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

void KeyLines::WaitFor(Lines::value_type& entry, int attempts) {
  Line& line = entry.second;
  auto pause = options_.first_retry;
  for (int i = 1; i < attempts && pause < options_.last_retry; ++i) pause *= 2;
  line.state = Line::kWaiting;
  if (line.partition->retired) return;
  line.due = std::chrono::steady_clock::now() + std::min(pause, options_.last_retry);
  if (source_ != nullptr) {
    for (size_t i = kLineInMemory; i < line.slots.size(); ++i) line.slots[i].event = nullptr;
  }
  Worker& worker = *workers_[line.worker];
  worker.waiting.emplace(line.due, &entry);
  WakeWorker(worker);  // to reckon anew how long it may sleep
}

// What failed before has just gone well: what the others wait for may be back too, so they need not
// sit out pauses that grew while it was away.
void KeyLines::TryWaitingSoon() {
  const Time soon = std::chrono::steady_clock::now() + options_.first_retry;
  for (const auto& worker : workers_) {
    const auto late = worker->waiting.upper_bound(soon);
    std::vector<Lines::value_type*> entries;
    for (auto it = late; it != worker->waiting.end(); ++it) entries.push_back(it->second);
    if (entries.empty()) continue;
    worker->waiting.erase(late, worker->waiting.end());
    for (Lines::value_type* const entry : entries) {
      entry->second.due = soon;
      worker->waiting.emplace(soon, entry);
    }
    WakeWorker(*worker);
  }
}

// All that was given out of a line is finished: what comes before the first that must be tried
// again is done or dead.
void KeyLines::Resolve(Lines::value_type& entry, std::vector<Letter>& letters) {
  Line& line = entry.second;
  Partition& partition = *line.partition;
  const auto given_end = line.slots.begin() + static_cast<std::ptrdiff_t>(line.out);
  const auto retry = std::find_if(line.slots.begin(), given_end,
                                  [](const Slot& slot) { return IsRetryable(*slot.result); });
  for (auto slot = line.slots.begin(); slot != retry; ++slot) {
    if (slot->result->ok()) continue;
    letters.push_back({Find(partition.id), entry.first, slot->event, *slot->result});
    ++line.unfinished;
  }
  if (line.unfinished > 0) return;  // they come back by Finish once the dead are buried
  const bool is_back = std::any_of(line.slots.begin(), retry, [](const Slot& slot) {
    return slot.attempts > 1 && slot.result->ok();
  });
  for (auto slot = line.slots.begin(); slot != retry; ++slot) Complete(partition, slot->position);
  for (auto slot = retry; slot != given_end; ++slot) slot->result.reset();
  const bool again = retry != given_end;
  out_ -= line.out;
  partition.out -= line.out;
  if (partition.retired && partition.out == 0) returned_.notify_all();
  const auto done = static_cast<size_t>(retry - line.slots.begin());
  slots_ -= done;
  partition.slots -= done;
  if (partition.full && host_ != nullptr && !IsFull(partition, 2)) host_->RoomAgain();
  line.out = 0;
  line.slots.erase(line.slots.begin(), retry);
  if (is_back) TryWaitingSoon();
  if (again) {
    WaitFor(entry, line.slots.front().attempts);
  } else if (line.slots.empty()) {
    partition.lines.erase(partition.lines.find(entry.first));
  } else if (partition.retired) {
    line.state = Line::kWaiting;
  } else {
    line.state = Line::kReady;
    ready_ += line.slots.size();
    Worker& worker = *workers_[line.worker];
    worker.ready.push_back(&entry);
    WakeWorker(worker);
  }
}

void KeyLines::Complete(Partition& partition, int64_t position) {
  auto& open = partition.open;
  const auto it = std::lower_bound(open.begin(), open.end(), position,
                                   [](const auto& each, int64_t at) { return each.first < at; });
  it->second = true;
  if (it != open.begin()) return;
  while (!open.empty() && open.front().second) open.pop_front();
  if (host_ != nullptr) host_->MarkMoved();
}

void KeyLines::Bury(std::vector<Letter> letters) {
  if (letters.empty()) return;
  std::unique_lock lock(mutex_);
  if (host_ == nullptr) return;
  LinesHost& host = *host_;
  ++burying_;
  lock.unlock();
  for (const Letter& letter : letters) {
    host.BuryDead(letter.event, letter.reason,
                  [self = shared_from_this(), partition = letter.partition, key = letter.key,
                   position = letter.event->position](absl::Status status) {
                    self->Finish(partition, key, position,
                                 status.ok()
                                     ? status
                                     : absl::UnavailableError("the dead letter could not be kept"));
                  });
  }
  lock.lock();
  --burying_;
  buried_.notify_all();
}

void KeyLines::SetPaused(bool paused) {
  std::lock_guard lock(mutex_);
  paused_ = paused;
  if (paused) return;
  for (const auto& worker : workers_) WakeWorker(*worker);
}

size_t KeyLines::in_hand() const {
  std::lock_guard lock(mutex_);
  return out_;
}

size_t KeyLines::held() const {
  std::lock_guard lock(mutex_);
  return slots_;
}

int64_t KeyLines::mark() const {
  std::lock_guard lock(mutex_);
  return partitions_.at(0)->mark();
}

std::vector<KeyLines::Standing> KeyLines::standings() const {
  std::vector<Standing> all;
  std::lock_guard lock(mutex_);
  for (const auto& [id, partition] : partitions_) {
    all.push_back({.partition = id,
                   .mark = partition->mark(),
                   .next = partition->next,
                   .held = partition->slots});
  }
  return all;
}

}  // namespace cleanmail::bus
