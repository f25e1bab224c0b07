#include "libs/store/blob/s3_upload.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace cleanmail::blob {

S3BodyUpload::~S3BodyUpload() {
  for (const std::string& part : parts_) in_memory_ -= static_cast<int64_t>(part.size());
}

void S3BodyUpload::Submit() {
  if (std::exchange(working_, true)) return;
  pool_.Submit([self = shared_from_this()] { self->Work(); });
}

bool S3BodyUpload::Add(std::string part, absl::AnyInvocable<void() &&> ready) {
  std::lock_guard lock(mutex_);
  in_memory_ += static_cast<int64_t>(part.size());
  parts_.push_back(std::move(part));
  // One part may be on its way while the next one grows.
  const bool more = !working_;
  if (!more) ready_ = std::move(ready);
  Submit();
  return more;
}

void S3BodyUpload::Finish(std::string last, absl::AnyInvocable<void(absl::Status) &&> done) {
  std::lock_guard lock(mutex_);
  in_memory_ += static_cast<int64_t>(last.size());
  parts_.push_back(std::move(last));
  finishing_ = true;
  done_ = std::move(done);
  Submit();
}

void S3BodyUpload::Abandon() {
  std::lock_guard lock(mutex_);
  if (finishing_) return;
  abandoned_ = true;
  Submit();
}

void S3BodyUpload::Work() {
  std::unique_lock lock(mutex_);
  while (!parts_.empty()) {
    std::string part = std::move(parts_.front());
    parts_.pop_front();
    const bool last = finishing_ && parts_.empty();
    const bool skip = abandoned_ || !failure_.ok();
    absl::AnyInvocable<void() &&> ready;
    if (parts_.empty()) ready = std::exchange(ready_, nullptr);
    lock.unlock();
    if (ready) std::move(ready)();
    const auto bytes = static_cast<int64_t>(part.size());
    absl::Status status;
    if (!skip) status = last ? SendLast(std::move(part)) : SendPart(std::move(part));
    in_memory_ -= bytes;
    lock.lock();
    failure_.Update(std::move(status));
  }
  working_ = false;
  const bool gone = abandoned_ || (finishing_ && !failure_.ok());
  auto done = std::exchange(done_, nullptr);
  const absl::Status result = failure_;
  lock.unlock();
  if (done) std::move(done)(result);
  if (gone) CleanUp();
}

absl::Status S3BodyUpload::SendPart(std::string part) {
  if (upload_id_.empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(upload_id_, client_.BeginUpload(key_));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(std::string tag,
                             client_.PutPart(key_, upload_id_, tags_.size() + 1, std::move(part)));
  tags_.push_back(std::move(tag));
  return absl::OkStatus();
}

absl::Status S3BodyUpload::SendLast(std::string last) {
  if (upload_id_.empty()) return client_.Put(key_, std::move(last));
  CLEANMAIL_RETURN_IF_ERROR(SendPart(std::move(last)));
  absl::Status status = client_.CompleteUpload(key_, upload_id_, tags_);
  // It was completed, and only the answer was lost.
  if (absl::IsNotFound(status) && client_.Get(key_, 0, 1).ok()) status = absl::OkStatus();
  if (absl::IsNotFound(status)) status = absl::UnavailableError("S3: the upload is gone");
  if (status.ok()) upload_id_.clear();
  return status;
}

void S3BodyUpload::CleanUp() {
  if (upload_id_.empty()) return;
  // What is left when this fails, the sweeper takes.
  (void)client_.AbortUpload(key_, upload_id_);
  upload_id_.clear();
}

}  // namespace cleanmail::blob
