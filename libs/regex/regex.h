#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct pcre2_real_code_8;
struct pcre2_real_code_32;

namespace cleanmail::regex {

// How a pattern is read, as Perl's modifiers say.
struct Flags {
  bool ignore_case = false;      // i, ASCII letters
  bool multi_line = false;       // m: ^ and $ at every line
  bool dot_matches_all = false;  // s
  bool extended = false;         // x: white space and comments in the pattern
};

// What one search may cost. A pattern that needs more gives up: it neither matches nor fails.
struct Limits {
  uint32_t steps = 500'000;  // of backtracking
};

// Where a match or a group of it lies.
struct Span {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t begin = kNone;
  size_t end = kNone;
  bool matched() const { return begin != kNone; }
};

// Where something may begin: both ends are meant.
struct Stretch {
  size_t first = 0;
  size_t last = static_cast<size_t>(-1);
};

enum class Outcome { kNoMatch, kMatch, kGaveUp };

// The spans of the last match: 0 is all of it. Empty unless Find returned kMatch.
struct Match {
  std::vector<Span> groups;

  std::string_view Text(std::string_view subject, size_t group) const {
    if (group >= groups.size() || !groups[group].matched()) return {};
    return subject.substr(groups[group].begin, groups[group].end - groups[group].begin);
  }
  bool Has(size_t group) const { return group < groups.size() && groups[group].matched(); }
};

// Matches one behind the other.
struct Counted {
  size_t count = 0;
  size_t end = 0;  // of the last: the next begins there or behind
  bool gave_up = false;
};

// A Perl regular expression over bytes, compiled to machine code where the processor allows.
// Letters, digits and white space are ASCII's. Immutable, thread-safe, cheap to move.
class Regex {
 public:
  // InvalidArgument says what is wrong and where.
  static absl::StatusOr<Regex> Compile(std::string_view pattern, Flags flags = {},
                                       Limits limits = {});

  // Looks for the first match at or behind `from`.
  Outcome Find(std::string_view subject, size_t from = 0, Match* match = nullptr) const;
  // Looks for a match that begins within `begin`.
  Outcome FindWithin(std::string_view subject, Stretch begin) const;
  bool Matches(std::string_view subject) const { return Find(subject) == Outcome::kMatch; }
  // How often it matches, one behind the other, where matches begin within `begin`; at most `most`
  // times (0: no bound).
  Counted Count(std::string_view subject, size_t most, Stretch begin = {}) const;

  const std::string& pattern() const { return pattern_; }
  const Flags& flags() const { return flags_; }
  // Bytes its compiled form takes, machine code included.
  size_t bytes() const;

 private:
  struct Freer {
    void operator()(pcre2_real_code_8* code) const;
    void operator()(pcre2_real_code_32* code) const;
  };
  Regex(std::string pattern, Flags flags, Limits limits)
      : pattern_(std::move(pattern)), flags_(flags), limits_(limits) {}

  // What was found, and where: pairs of begin and end of the match and its groups.
  struct Found {
    Outcome outcome = Outcome::kNoMatch;
    int groups = 0;
    const size_t* ends = nullptr;  // valid up to the thread's next search
  };
  Found Search(std::string_view subject, Stretch begin) const;

  // One of the two: patterns too large for the first are compiled with wider offsets.
  std::unique_ptr<pcre2_real_code_8, Freer> code_;
  std::unique_ptr<pcre2_real_code_32, Freer> wide_code_;
  std::string pattern_;
  Flags flags_;
  Limits limits_;
  bool jit_ = false;           // code_ is machine code
  uint32_t least_length_ = 0;  // of a match
};

// A pattern written in our own sources: one that does not compile ends the process at start.
Regex CompiledIn(std::string_view pattern, Flags flags = {});

}  // namespace cleanmail::regex
