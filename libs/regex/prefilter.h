#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "libs/regex/essence.h"
#include "libs/regex/regex.h"

namespace cleanmail::regex {

// Many patterns looked for in one pass: says which of them may match a text. What it leaves out
// does not match; what it names has yet to be confirmed by its Regex. It looks for the patterns'
// essences: of each window three places, as codes of six bits, and where a text has such three it
// compares the window. Immutable; thread-safe.
class Prefilter {
 public:
  // A pattern and the number it is known by.
  struct Pattern {
    const Regex* regex = nullptr;
    unsigned id = 0;
  };

  Prefilter() = default;
  // Takes a fraction of a millisecond a pattern. Patterns without an essence are in unfiltered():
  // they may match anything.
  explicit Prefilter(const std::vector<Pattern>& patterns);

  // Appends the ids of patterns that may match `text` (of less than 64 GiB) to `candidates`, in the
  // order of the patterns, each once, unfiltered() excepted.
  void Scan(std::string_view text, std::vector<unsigned>& candidates) const;

  const std::vector<unsigned>& unfiltered() const { return unfiltered_; }
  // Bytes it takes.
  size_t bytes() const;

 private:
  static constexpr size_t kMostPlaces = 8;
  // An essence of a pattern.
  struct Wanted {
    unsigned id = 0;  // the pattern's; those of a pattern are neighbours
    unsigned times = 1;
  };
  // A window of an essence, where its three places are at `anchor`. Most of those that do not fit
  // differ in another place: the codes it may have are here, its set and all others in sets_.
  struct Place {
    uint64_t codes = 0;
    uint32_t wanted = 0;
    uint8_t length = 0;
    uint8_t anchor = 0;
    uint8_t other = 0;
    std::array<uint16_t, kMostPlaces> sets{};
  };

  void Add(const Window& window, std::vector<uint64_t>& entries);
  // Appends the ids of patterns of which everything wanted is among the hits.
  void NameThose(const std::vector<uint64_t>& hits, std::vector<unsigned>& candidates) const;
  bool Fits(const Place& place, std::string_view text, size_t at) const;

  std::vector<unsigned> unfiltered_;
  std::vector<unsigned> of_high_;  // patterns that may begin with bytes above ASCII's
  std::vector<Wanted> wanted_;
  std::vector<ByteSet> sets_;
  std::vector<Place> places_;
  // Of the triples there are, as bits; the places of the nth bit set are ordered_[begins_[n]] up to
  // begins_[n + 1]. ranks_[w] counts the bits in the words before w.
  std::vector<uint64_t> triples_;
  std::vector<uint32_t> ranks_;
  std::vector<uint32_t> begins_;
  std::vector<uint32_t> ordered_;
};

}  // namespace cleanmail::regex
