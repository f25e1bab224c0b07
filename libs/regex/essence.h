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
  double cost = 1;       // of looking for them in a byte of mail, in windows compared
  double frequency = 0;  // of the windows in a byte of mail, guessed
};

// How often a byte of mail is one of these, guessed: 0 to 1.
double FrequencyOf(const ByteSet& set);

// A few essences, all of which are in every match; none where each would be found nearly
// everywhere.
std::vector<Essence> EssencesOf(const PatternTree& tree);

}  // namespace cleanmail::regex
