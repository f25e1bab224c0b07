#include "libs/store/kv/memory_kv_store.h"

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace cleanmail::kv {
namespace {

class MemoryKvStore final : public KvStore {
 public:
  MemoryKvStore(const base::Clock& clock, size_t max_entries)
      : clock_(clock), max_entries_(std::max<size_t>(1, max_entries)) {}

  bool waits() const override { return false; }

  absl::StatusOr<std::string> Get(std::string_view key) override {
    std::lock_guard lock(mutex_);
    Entry* entry = Find(key);
    if (entry == nullptr) return absl::NotFoundError("kv: no such key, or it is over");
    return entry->value;
  }

  absl::Status Set(std::string_view key, std::string_view value, absl::Duration life) override {
    std::lock_guard lock(mutex_);
    Put(key, std::string(value), clock_.Now() + life);
    return absl::OkStatus();
  }

  absl::Status Delete(std::string_view key) override {
    std::lock_guard lock(mutex_);
    if (const auto it = entries_.find(key); it != entries_.end()) Erase(it);
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Add(std::string_view key, int64_t amount, absl::Duration life) override {
    std::lock_guard lock(mutex_);
    Entry* entry = Find(key);
    if (entry == nullptr) {
      Put(key, std::to_string(amount), clock_.Now() + life);
      return amount;
    }
    int64_t count = 0;
    const auto [end, error] =
        std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), count);
    if (error != std::errc() || end != entry->value.data() + entry->value.size()) {
      return absl::FailedPreconditionError("kv: the key holds no counter");
    }
    if (__builtin_add_overflow(count, amount, &count))
      return absl::OutOfRangeError("kv: the counter is at its end");
    entry->value = std::to_string(count);
    return count;
  }

 private:
  struct Entry {
    std::string value;
    absl::Time end;
    std::list<std::string>::iterator used;  // in used_
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  // The living entry, now the one used last; null when there is none.
  Entry* Find(std::string_view key) {
    const auto it = entries_.find(key);
    if (it == entries_.end()) return nullptr;
    if (it->second.end <= clock_.Now()) {
      Erase(it);
      return nullptr;
    }
    used_.splice(used_.begin(), used_, it->second.used);
    return &it->second;
  }

  void Put(std::string_view key, std::string value, absl::Time end) {
    if (const auto it = entries_.find(key); it != entries_.end()) Erase(it);
    if (entries_.size() >= max_entries_) MakeRoom();
    used_.emplace_front(key);
    entries_.emplace(std::string(key), Entry{std::move(value), end, used_.begin()});
    ends_.emplace(end, std::string(key));
  }

  void MakeRoom() {
    const absl::Time now = clock_.Now();
    while (!ends_.empty() && ends_.begin()->first <= now)
      Erase(entries_.find(ends_.begin()->second));
    while (entries_.size() >= max_entries_) Erase(entries_.find(used_.back()));
  }

  void Erase(Entries::iterator it) {
    ends_.erase({it->second.end, it->first});
    used_.erase(it->second.used);
    entries_.erase(it);
  }

  const base::Clock& clock_;
  const size_t max_entries_;
  std::mutex mutex_;
  // All guarded by mutex_.
  Entries entries_;
  std::list<std::string> used_;  // keys, last used first
  std::set<std::pair<absl::Time, std::string>> ends_;
};

}  // namespace

std::unique_ptr<KvStore> MakeMemoryKvStore(const base::Clock& clock, size_t max_entries) {
  return std::make_unique<MemoryKvStore>(clock, max_entries);
}

}  // namespace cleanmail::kv
