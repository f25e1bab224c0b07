#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "libs/regex/essence.h"
#include "libs/regex/regex.h"

namespace cleanmail::regex {

// Many patterns looked for in one pass: says which of them may match a text, and where. What it
// leaves out does not match; what it names has yet to be confirmed by its Regex. Immutable;
// thread-safe.
//
// It looks for the windows of the patterns' essences. They are sorted into buckets of windows
// alike; at each byte of the text one mask per place says which buckets have a window that allows
// the byte there, and all masks together which may have one that begins here. Of the windows of
// such a bucket the same is asked again.
class Prefilter {
 public:
  // A pattern and the number it is known by.
  struct Pattern {
    const Regex* regex = nullptr;
    unsigned id = 0;
  };
  // A pattern that may match, and where matches of it may begin.
  struct Candidate {
    unsigned id = 0;
    Stretch begin;
  };

  Prefilter() = default;
  // Takes a fraction of a millisecond a pattern. Patterns without an essence are in unfiltered():
  // they may match anything.
  explicit Prefilter(const std::vector<Pattern>& patterns);

  // Appends the patterns that may match `text` to `candidates`, unfiltered() excepted: in the order
  // of the patterns, each as often as there are stretches where its matches may begin, from front
  // to back.
  void Scan(std::string_view text, std::vector<Candidate>& candidates) const;

  const std::vector<unsigned>& unfiltered() const { return unfiltered_; }
  // Bytes it takes.
  size_t bytes() const;

 private:
  static constexpr size_t kWord = 64;      // windows of a bucket, at most
  static constexpr size_t kBuckets = 128;  // at most
  static constexpr size_t kPlaces = 6;     // of a window that are looked at
  static constexpr size_t kBeyond = 256;   // stands for a byte behind the end of a text
  static constexpr uint32_t kAnyhow = static_cast<uint32_t>(-1);

  // For each place and byte, the bits of those windows (or buckets) that allow it there.
  template <size_t kWords>
  using Masks = std::array<std::array<std::array<uint64_t, kWords>, kBeyond + 1>, kPlaces>;

  // An essence of a pattern; those of a pattern are neighbours.
  struct Wanted {
    unsigned id = 0;  // the pattern's
    unsigned times = 1;
    Lengths before;
    unsigned stride = 0;
    // How matches of the pattern begin, in begins_; kAnyhow: it is not looked at.
    uint32_t begin = kAnyhow;
  };
  // A window of an essence.
  struct Place {
    uint32_t wanted = 0;
    uint32_t length = 0;
  };
  // Windows alike.
  struct Bucket {
    std::vector<Place> places;
    Masks<1> masks{};
  };
  class Finds;
  class Sorter;

  template <size_t kWords>
  static std::unique_ptr<Masks<kWords>> MasksOf(const std::vector<Bucket>& buckets);
  // What all places allow, given the byte at each.
  template <size_t kWords, class Byte>
  static std::array<uint64_t, kWords> Meet(const Masks<kWords>& masks, const Byte& byte);
  template <class Byte>
  static void LookInto(const Bucket& bucket, size_t at, const Byte& byte, Finds& finds);
  template <size_t kWords, class Byte>
  void Look(const Masks<kWords>& masks, size_t at, const Byte& byte, Finds& finds) const;
  // Calls `see(at, byte)` for each byte from `from` up to `end` of a text, where `byte` gives it
  // and those behind it.
  template <class See>
  static void ForEachByte(std::string_view text, size_t from, size_t end, const See& see);
  uint32_t AddBegins(const Traits& traits);
  // Appends of `candidate` where matches may begin by the first bytes of theirs.
  void Refine(const Candidate& candidate, uint32_t begins, std::string_view text,
              std::vector<Candidate>& candidates) const;
  template <size_t kWords>
  void Read(const Masks<kWords>& masks, std::string_view text, Finds& finds) const;

  std::vector<unsigned> unfiltered_;
  std::vector<Wanted> wanted_;
  std::vector<Bucket> buckets_;
  std::unique_ptr<Masks<1>> few_;   // of the buckets, where a word is enough for them
  std::unique_ptr<Masks<2>> many_;  // else
  std::vector<std::unique_ptr<Masks<1>>> begins_;
};

}  // namespace cleanmail::regex
