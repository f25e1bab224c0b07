#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/scanner/learning/classifier.h"

namespace cleanmail::scanner::learning {

// What all tenants share stands under this name.
inline constexpr char kShared[] = "-";

// What a message is said to be; numbers as in the table.
enum class Kind { kForget = 0, kSpam = 1, kHam = 2 };

// A message somebody says is spam or ham.
struct Lesson {
  std::string digest;  // the same for the same message, whichever way it came here
  std::vector<Feature> features;
};

// What became of messages that were taught.
struct Taught {
  int64_t learnt = 0;     // new
  int64_t changed = 0;    // learnt as the other kind before
  int64_t known = 0;      // nothing to do: learnt before, or, of kForget, not learnt
  int64_t forgotten = 0;  // not learnt any more
};

// What a tenant has learnt.
struct LearningState {
  std::string tenant;
  int64_t version = 0;  // counts up with every change
  int64_t spam = 0;
  int64_t ham = 0;
  int64_t changed_at_us = 0;
};

}  // namespace cleanmail::scanner::learning
