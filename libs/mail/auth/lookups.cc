#include "libs/mail/auth/lookups.h"

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth {

bool IsLookupName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (c < 0x20 || c >= 0x7F || c == '\\' || ++label > 63) return false;
  }
  return label > 0;
}

bool IsNothing(const Lookups::Reply& reply) {
  return !reply.ok() && reply.status().code() == absl::StatusCode::kNotFound;
}

const Lookups::Reply* Lookups::Find(std::string_view name, dns::Type type) {
  static const Reply kNoSuchName = absl::NotFoundError("no such name can exist");
  static const Reply kSpent =
      absl::ResourceExhaustedError("too many DNS questions for one message");
  if (!IsLookupName(name)) return &kNoSuchName;
  if (name.ends_with('.')) name.remove_suffix(1);
  Key key(Lower(name), type);
  if (const auto known = known_.find(key); known != known_.end()) return &known->second;
  if (wanted_.contains(key)) return nullptr;
  if (asked_ >= budget_) return &kSpent;
  ++asked_;
  wanted_.emplace(std::move(key), false);
  return nullptr;
}

std::vector<dns::Question> Lookups::TakeWanted() {
  std::vector<dns::Question> questions;
  for (auto& [key, taken] : wanted_) {
    if (taken) continue;
    taken = true;
    questions.push_back({.name = key.first, .type = key.second});
  }
  return questions;
}

void Lookups::Tell(const dns::Question& question, Reply reply) {
  Key key(Lower(question.name), question.type);
  wanted_.erase(key);
  known_.insert_or_assign(std::move(key), std::move(reply));
}

}  // namespace cleanmail::mail::auth
