#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/dns/resolver.h"

namespace cleanmail::dns {

// Remembers answers for their time to live, "no such name" for a short while, failures for a moment
// (RFC 9520 §3.2: a server that is away is not asked again and again); asks once for a question
// several ask at the same time. What was used longest ago goes first when it is full. Thread-safe.
class CachingResolver final : public Resolver {
 public:
  struct Options {
    size_t most_entries = 20'000;
    absl::Duration longest = absl::Hours(1);
    absl::Duration negative = absl::Seconds(60);
    absl::Duration failure = absl::Seconds(2);
  };
  CachingResolver(std::unique_ptr<Resolver> resolver, const base::Clock& clock, Options options);
  ~CachingResolver() override;

  void Lookup(const Question& question, absl::Time deadline,
              absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) override;

  size_t size() const;
  int64_t hits() const;

 private:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>) &&>;
  using Key = std::pair<std::string, uint16_t>;  // name in lower case, type
  struct Entry {
    Key key;
    absl::StatusOr<Answer> answer;
    absl::Time until;
  };
  struct Asking {
    absl::Time deadline;
    std::vector<Done> waiting;
  };
  std::optional<absl::StatusOr<Answer>> Recall(const Key& key);
  void Keep(const Key& key, const absl::StatusOr<Answer>& answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(const Key& key, absl::StatusOr<Answer> answer);

  const base::Clock& clock_;
  const Options options_;
  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // used last first
  absl::flat_hash_map<Key, std::list<Entry>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Key, Asking> asking_ ABSL_GUARDED_BY(mutex_);
  int64_t hits_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Resolver> resolver_;  // last: destroyed first, it may call back
};

}  // namespace cleanmail::dns
