#pragma once

#include <bitset>
#include <optional>
#include <string_view>
#include <vector>

#include "libs/regex/regex.h"

namespace cleanmail::regex {

// Bytes that may stand at one place.
using ByteSet = std::bitset<256>;

// What a pattern's matches are made of, as far as bytes go. It allows all that the pattern allows
// and more: what looks around (assertions, anchors) allows anything, a back reference is a gap.
struct PatternTree {
  enum class Kind {
    kBytes,      // one byte of `bytes`
    kSequence,   // `children`, one behind the other; nothing without any
    kAlternate,  // one of `children`
    kRepeat,     // the only child, `least` to `most` times
    kGap,        // anything, perhaps nothing
  };
  static constexpr unsigned kUnbounded = ~0U;

  Kind kind = Kind::kSequence;
  ByteSet bytes;
  std::vector<PatternTree> children;
  unsigned least = 0;
  unsigned most = 0;
};

// How many bytes something takes: from `least` to `most`, which may be PatternTree::kUnbounded.
struct Lengths {
  unsigned least = 0;
  unsigned most = 0;

  // Of one thing behind another.
  friend Lengths operator+(Lengths a, Lengths b);
  // Of one thing or another.
  friend Lengths operator|(Lengths a, Lengths b);
};

// Of what matches.
Lengths LengthsOf(const PatternTree& tree);

// Reads a pattern as PCRE2 does (bytes, not characters). Total; nullopt for what it does not know
// (recursion, conditions, properties, verbs) and for what is nested too deep.
std::optional<PatternTree> ReadPatternTree(std::string_view pattern, Flags flags);

}  // namespace cleanmail::regex
