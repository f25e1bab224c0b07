#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner {

// A domain that strangers' domains are compared with.
struct GuardedDomain {
  explicit GuardedDomain(std::string domain);
  std::string domain;       // A-labels
  std::string registrable;  // `domain` itself where nothing is
  std::string label;        // the first of `registrable`, as it is shown
  std::string looks;        // LooksOf(label)
};

enum class Likeness {
  kNone,
  kSimilar,    // the same name with another ending, or with further words
  kLookalike,  // made to be taken for it
};

// How `domain` (A-labels, of another owner) resembles `guarded`. Names of fewer than four letters
// resemble nothing; of fewer than five, not by a single letter.
Likeness Resembles(std::string_view domain, const GuardedDomain& guarded);

// Whether one letter put in, taken out, changed, or changed with its neighbour makes one of the
// other. Bytes.
bool OneLetterApart(std::string_view a, std::string_view b);

}  // namespace cleanmail::scanner
