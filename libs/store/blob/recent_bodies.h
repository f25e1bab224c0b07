#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/time/time.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::blob {

// Bodies just written, as they came: whoever reads one within moments, as the scanner and delivery
// do, need not take it out of the store and unseal it. One is held until these two have read it;
// when there is no room new ones are not held, since bodies are read in the order they came.
// Thread-safe.
class RecentBodies {
 public:
  // Holds at most so many bytes, each body for so long.
  RecentBodies(size_t most_bytes, absl::Duration life) : most_bytes_(most_bytes), life_(life) {}

  void Keep(const BlobName& name, std::string body, absl::Time now);
  // nullopt: not among them; it may still be in the store.
  std::optional<std::string> Find(const BlobName& name, absl::Time now);
  void Forget(const BlobName& name);

 private:
  struct Kept {
    std::shared_ptr<const std::string> body;  // shared with those who copy it just now
    absl::Time until;
    int reads = 0;
  };
  using Bodies = std::unordered_map<std::string, Kept>;

  void Drop(Bodies::iterator which);
  void DropOld(absl::Time now);

  const size_t most_bytes_;
  const absl::Duration life_;
  std::mutex mutex_;
  // These three guarded by mutex_.
  Bodies bodies_;
  std::deque<std::pair<absl::Time, std::string>> ends_;  // of some that are gone as well
  size_t bytes_ = 0;
};

}  // namespace cleanmail::blob
