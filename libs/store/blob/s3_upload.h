#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "libs/store/blob/s3_client.h"
#include "libs/store/blob/worker_pool.h"

namespace cleanmail::blob {

// One object on its way into the bucket: its parts are sent one after another by the pool's
// threads, a single one as a whole. Lives as long as anybody needs it: the writer, or a thread
// still at work. Thread-safe.
class S3BodyUpload : public std::enable_shared_from_this<S3BodyUpload> {
 public:
  // `in_memory` counts the bytes all uploads hold.
  S3BodyUpload(S3Client& client, WorkerPool& pool, std::atomic<int64_t>& in_memory, std::string key)
      : client_(client), pool_(pool), in_memory_(in_memory), key_(std::move(key)) {}
  ~S3BodyUpload();

  // False: more should wait until `ready` has been called.
  bool Add(std::string part, absl::AnyInvocable<void() &&> ready);
  // The last part; `done` is called on a thread of the pool.
  void Finish(std::string last, absl::AnyInvocable<void(absl::Status) &&> done);
  // Nobody waits for it any more; what is in the bucket is taken away, unless it is complete.
  void Abandon();

 private:
  void Work();
  absl::Status SendPart(std::string part);
  absl::Status SendLast(std::string last);
  void CleanUp();
  void Submit();  // mutex_ is held

  S3Client& client_;
  WorkerPool& pool_;
  std::atomic<int64_t>& in_memory_;
  const std::string key_;
  // The working thread's own; there is one at a time.
  std::string upload_id_;
  std::vector<std::string> tags_;

  std::mutex mutex_;
  // All guarded by mutex_.
  std::deque<std::string> parts_;
  bool working_ = false;
  bool finishing_ = false;
  bool abandoned_ = false;
  absl::Status failure_;
  absl::AnyInvocable<void() &&> ready_;
  absl::AnyInvocable<void(absl::Status) &&> done_;
};

}  // namespace cleanmail::blob
