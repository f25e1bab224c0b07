#include "libs/store/blob/recent_bodies.h"

#include <utility>

#include "libs/store/blob/blob_layout.h"

namespace cleanmail::blob {
namespace {

constexpr int kReads = 2;  // the scanner's and delivery's

}  // namespace

void RecentBodies::Keep(const BlobName& name, std::string body, absl::Time now) {
  const std::string key = BodyPrefix(name);
  const absl::Time until = now + life_;
  std::lock_guard lock(mutex_);
  DropOld(now);
  if (const auto before = bodies_.find(key); before != bodies_.end()) Drop(before);
  if (bytes_ + body.size() > most_bytes_) return;
  bytes_ += body.size();
  bodies_[key] = {.body = std::make_shared<const std::string>(std::move(body)), .until = until};
  ends_.emplace_back(until, key);
}

std::optional<std::string> RecentBodies::Find(const BlobName& name, absl::Time now) {
  std::shared_ptr<const std::string> body;
  {
    std::lock_guard lock(mutex_);
    DropOld(now);
    const auto found = bodies_.find(BodyPrefix(name));
    if (found == bodies_.end()) return std::nullopt;
    body = found->second.body;
    if (++found->second.reads == kReads) Drop(found);
  }
  return *body;
}

void RecentBodies::Forget(const BlobName& name) {
  std::lock_guard lock(mutex_);
  if (const auto found = bodies_.find(BodyPrefix(name)); found != bodies_.end()) Drop(found);
}

void RecentBodies::Drop(Bodies::iterator which) {
  bytes_ -= which->second.body->size();
  bodies_.erase(which);
}

void RecentBodies::DropOld(absl::Time now) {
  while (!ends_.empty() && ends_.front().first <= now) {
    const auto found = bodies_.find(ends_.front().second);
    if (found != bodies_.end() && found->second.until <= now) Drop(found);
    ends_.pop_front();
  }
}

}  // namespace cleanmail::blob
