#include "libs/dns/caching_resolver.h"

#include <algorithm>

namespace cleanmail::dns {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

CachingResolver::CachingResolver(std::unique_ptr<Resolver> resolver, const base::Clock& clock,
                                 Options options)
    : clock_(clock), options_(options), resolver_(std::move(resolver)) {}
CachingResolver::~CachingResolver() = default;

void CachingResolver::Lookup(const Question& question, absl::Time deadline, Done done) {
  const Key key{Lower(question.name), static_cast<uint16_t>(question.type)};
  if (std::optional<absl::StatusOr<Answer>> known = Recall(key); known.has_value())
    return std::move(done)(*std::move(known));
  bool coalesce = true;
  {
    absl::MutexLock lock(&mutex_);
    const auto [it, first] = asking_.try_emplace(key, Asking{.deadline = deadline, .waiting = {}});
    // Who cannot wait as long as the first asks for himself.
    coalesce = first || it->second.deadline <= deadline;
    if (coalesce) it->second.waiting.push_back(std::move(done));
    if (coalesce && !first) return;
  }
  if (!coalesce) return resolver_->Lookup(question, deadline, std::move(done));
  resolver_->Lookup(question, deadline, [this, key](absl::StatusOr<Answer> answer) {
    Answered(key, std::move(answer));
  });
}

std::optional<absl::StatusOr<Answer>> CachingResolver::Recall(const Key& key) {
  absl::MutexLock lock(&mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end() || it->second->until <= clock_.Now()) return std::nullopt;
  ++hits_;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->answer;
}

void CachingResolver::Answered(const Key& key, absl::StatusOr<Answer> answer) {
  std::vector<Done> waiting;
  {
    absl::MutexLock lock(&mutex_);
    auto node = asking_.extract(key);
    waiting = std::move(node.mapped().waiting);
    Keep(key, answer);
  }
  for (Done& done : waiting) std::move(done)(answer);
}

void CachingResolver::Keep(const Key& key, const absl::StatusOr<Answer>& answer) {
  absl::Duration life = options_.negative;
  if (answer.ok()) {
    life = std::min(answer->ttl, options_.longest);
  } else if (!absl::IsNotFound(answer.status())) {
    life = options_.failure;
  }
  if (life <= absl::ZeroDuration() || options_.most_entries == 0) return;
  if (const auto old = by_key_.find(key); old != by_key_.end()) {
    entries_.erase(old->second);
    by_key_.erase(old);
  }
  while (entries_.size() >= options_.most_entries) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({.key = key, .answer = answer, .until = clock_.Now() + life});
  by_key_[key] = entries_.begin();
}

size_t CachingResolver::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

int64_t CachingResolver::hits() const {
  absl::MutexLock lock(&mutex_);
  return hits_;
}

}  // namespace cleanmail::dns
