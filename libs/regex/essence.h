#pragma once

#include <vector>

#include "libs/regex/pattern_tree.h"

namespace cleanmail::regex {

// Bytes that stand one behind the other: at each place one of a set.
using Window = std::vector<ByteSet>;

// What every match of a pattern contains at least one of, so many times one behind the other: short
// windows, chosen to be rare in mail.
struct Essence {
  std::vector<Window> windows;
  unsigned times = 1;
  Lengths before = {};   // from where a match begins to where the first of them does
  unsigned stride = 0;   // at most, from where one of them begins to where the next does
  double frequency = 0;  // of the windows in a byte of mail, guessed

  // What it costs, guessed, in a byte of mail: to look for the windows, and to confirm the pattern
  // wherever a match may begin by them. Without windows, as much as to look for the pattern itself.
  double Cost() const;
};

// How often a byte of mail is one of these, guessed: 0 to 1.
double FrequencyOf(const ByteSet& set);

// What is known of every match of a pattern.
struct Traits {
  // A few essences, all of which are in it; none where each would be found nearly everywhere.
  std::vector<Essence> essences;
  // It begins with one of these; none where it may begin with anything.
  std::vector<Window> begins;
};
Traits TraitsOf(const PatternTree& tree);

}  // namespace cleanmail::regex
