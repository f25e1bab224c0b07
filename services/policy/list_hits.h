#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace cleanmail::policy {

// How often list entries have decided something, until somebody takes it to the store. Thread-safe.
class ListHits {
 public:
  struct Hit {
    int64_t count = 0;
    int64_t last_us = 0;
  };

  void Add(std::string_view entry, int64_t at_us) {
    absl::MutexLock lock(&mutex_);
    Hit& hit = hits_[std::string(entry)];
    ++hit.count;
    if (at_us > hit.last_us) hit.last_us = at_us;
  }
  // What has gathered since the last Take, by name of the entry.
  std::map<std::string, Hit> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(hits_, {});
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, Hit> hits_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::policy
