#include "libs/regex/prefilter.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace cleanmail::regex {
namespace {

constexpr size_t kAnchor = 3;      // places that are looked up together
constexpr size_t kCodes = 64;      // of a byte
constexpr size_t kFirstHigh = 58;  // the code from which on they are of bytes above ASCII's
constexpr size_t kTriples = kCodes * kCodes * kCodes;
// Of windows that begin with bytes above ASCII's, before the patterns that have such are named
// unseen: text in other alphabets is full of them.
constexpr size_t kComparedPerByte = 16;
constexpr size_t kMostTriplesOfWindow = 1 << 14;

// Codes: small letters, capitals in pairs, the signs text is full of, digits, white space, kinds of
// bytes in UTF-8, and all the rest.
std::array<uint8_t, 256> MakeCodes() {
  std::array<uint8_t, 256> codes{};  // 0: the rest
  uint8_t next = 1;
  const auto give = [&](unsigned first, unsigned last) {
    for (unsigned c = first; c <= last; ++c) codes[c] = next;
    ++next;
  };
  for (unsigned c = 'a'; c <= 'z'; ++c) give(c, c);
  for (unsigned c = 'A'; c <= 'Z'; c += 2) give(c, c + 1);
  for (const char c : std::string_view("<=>/.,-:\"'()_*"))
    give(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
  give('0', '4');
  give('5', '9');
  for (const char c : std::string_view(" \t\n\v\f\r")) codes[static_cast<size_t>(c)] = next;
  next = kFirstHigh;
  give(0x80, 0x9f);
  give(0xa0, 0xbf);
  give(0xc0, 0xcd);
  give(0xce, 0xd4);
  give(0xd5, 0xef);
  give(0xf0, 0xff);
  return codes;
}
const std::array<uint8_t, 256> kCodeOf = MakeCodes();

bool HasHigh(size_t triple) {
  return triple % kCodes >= kFirstHigh || triple / kCodes % kCodes >= kFirstHigh ||
         triple / kCodes / kCodes >= kFirstHigh;
}

// The codes of a set's bytes, a bit each.
uint64_t CodesOf(const ByteSet& set) {
  uint64_t codes = 0;
  for (size_t c = set._Find_first(); c < set.size(); c = set._Find_next(c))
    codes |= uint64_t{1} << kCodeOf[c];
  return codes;
}

// How often a byte of mail has one of these codes.
double FrequencyOfCodes(uint64_t codes) {
  ByteSet bytes;
  for (size_t c = 0; c < bytes.size(); ++c) bytes[c] = (codes >> kCodeOf[c] & 1) != 0;
  return FrequencyOf(bytes);
}

// Three places of a window, those behind its end being anything.
struct Anchor {
  size_t begin = 0;
  std::array<uint64_t, kAnchor> codes{};
  double frequency = std::numeric_limits<double>::infinity();
};

// The rarest three that do not take too many entries.
Anchor AnchorOf(const Window& window) {
  Anchor best;
  for (size_t begin = 0; begin == 0 || begin + kAnchor <= window.size(); ++begin) {
    Anchor anchor{.begin = begin, .frequency = 1};
    size_t triples = 1;
    for (size_t i = 0; i < kAnchor; ++i) {
      const bool within = begin + i < window.size();
      anchor.codes[i] = within ? CodesOf(window[begin + i]) : ~uint64_t{0};
      anchor.frequency *= FrequencyOfCodes(anchor.codes[i]);
      triples *= static_cast<size_t>(std::popcount(anchor.codes[i]));
    }
    if (triples > kMostTriplesOfWindow) anchor.frequency += static_cast<double>(triples);
    if (anchor.frequency < best.frequency) best = anchor;
  }
  return best;
}

// The rarest place beside the three.
uint8_t OtherPlace(const Window& window, size_t anchor) {
  size_t rarest = anchor;
  for (size_t i = 0; i < window.size(); ++i) {
    const bool beside = i < anchor || i >= anchor + kAnchor;
    const bool rarer = rarest == anchor || FrequencyOf(window[i]) < FrequencyOf(window[rarest]);
    if (beside && rarer) rarest = i;
  }
  return static_cast<uint8_t>(rarest);
}

// What is wanted, and where a window of it ends and begins, in a number that sorts by these.
uint64_t Hit(uint64_t wanted, uint64_t begin, uint64_t length) {
  return wanted << 40 | (begin + length) << 4 | length;
}
size_t WantedOf(uint64_t hit) { return hit >> 40; }
size_t EndOf(uint64_t hit) { return hit >> 4 & 0xfffffffff; }
size_t BeginOf(uint64_t hit) { return EndOf(hit) - (hit & 15); }

template <class Function>
void ForEachBit(uint64_t bits, const Function& function) {
  for (; bits != 0; bits &= bits - 1) function(static_cast<size_t>(std::countr_zero(bits)));
}

}  // namespace

Prefilter::Prefilter(const std::vector<Pattern>& patterns) {
  std::vector<uint64_t> entries;  // a triple and a place that begins with it
  for (const Pattern& pattern : patterns) {
    const auto tree = ReadPatternTree(pattern.regex->pattern(), pattern.regex->flags());
    const std::vector<Essence> essences = tree ? EssencesOf(*tree) : std::vector<Essence>();
    if (essences.empty()) unfiltered_.push_back(pattern.id);
    for (const Essence& essence : essences) {
      wanted_.push_back({pattern.id, essence.times});
      for (const Window& window : essence.windows) Add(window, entries);
    }
  }
  std::sort(entries.begin(), entries.end());
  triples_.resize(kTriples / 64);
  ranks_.resize(kTriples / 64);
  for (const uint64_t entry : entries) {
    const uint64_t triple = entry >> 32;
    uint64_t& word = triples_[triple / 64];
    const uint64_t bit = uint64_t{1} << (triple % 64);
    if ((word & bit) == 0) begins_.push_back(static_cast<uint32_t>(ordered_.size()));
    word |= bit;
    ordered_.push_back(static_cast<uint32_t>(entry));
    if (HasHigh(triple)) of_high_.push_back(wanted_[places_[ordered_.back()].wanted].id);
  }
  std::sort(of_high_.begin(), of_high_.end());
  of_high_.erase(std::unique(of_high_.begin(), of_high_.end()), of_high_.end());
  begins_.push_back(static_cast<uint32_t>(ordered_.size()));
  uint32_t rank = 0;
  for (size_t i = 0; i < triples_.size(); ++i) {
    ranks_[i] = rank;
    rank += static_cast<uint32_t>(std::popcount(triples_[i]));
  }
}

void Prefilter::Add(const Window& window, std::vector<uint64_t>& entries) {
  const Anchor anchor = AnchorOf(window);
  Place place{.wanted = static_cast<uint32_t>(wanted_.size() - 1),
              .length = static_cast<uint8_t>(std::min(window.size(), kMostPlaces)),
              .anchor = static_cast<uint8_t>(anchor.begin)};
  for (size_t i = 0; i < place.length; ++i) {
    auto known = std::find(sets_.begin(), sets_.end(), window[i]);
    if (known == sets_.end()) known = sets_.insert(known, window[i]);
    place.sets[i] = static_cast<uint16_t>(known - sets_.begin());
  }
  place.other = OtherPlace(window, anchor.begin);
  place.codes = CodesOf(window[place.other]);
  const auto number = static_cast<uint32_t>(places_.size());
  places_.push_back(place);
  ForEachBit(anchor.codes[0], [&](size_t a) {
    ForEachBit(anchor.codes[1], [&](size_t b) {
      ForEachBit(anchor.codes[2], [&](size_t c) {
        entries.push_back(((a * kCodes + b) * kCodes + c) << 32 | number);
      });
    });
  });
}

bool Prefilter::Fits(const Place& place, std::string_view text, size_t at) const {
  if (at < place.anchor || text.size() - (at - place.anchor) < place.length) return false;
  const char* byte = text.data() + at - place.anchor;
  if ((place.codes >> kCodeOf[static_cast<uint8_t>(byte[place.other])] & 1) == 0) return false;
  for (size_t i = 0; i < place.length; ++i, ++byte) {
    if (!sets_[place.sets[i]][static_cast<uint8_t>(*byte)]) return false;
  }
  return true;
}

void Prefilter::Scan(std::string_view text, std::vector<unsigned>& candidates) const {
  if (places_.empty()) return;
  thread_local std::vector<uint64_t> hits;  // kept, so that a scan allocates nothing
  hits.clear();
  const auto code = [text](size_t at) -> size_t {
    return at < text.size() ? kCodeOf[static_cast<uint8_t>(text[at])] : 0;
  };
  const auto before = static_cast<ptrdiff_t>(candidates.size());
  size_t left = kComparedPerByte * text.size();
  size_t triple = code(0) * kCodes + code(1);
  for (size_t at = 0; at < text.size(); ++at) {
    triple = (triple * kCodes + code(at + 2)) % kTriples;
    const uint64_t word = triples_[triple / 64];
    const uint64_t bit = uint64_t{1} << (triple % 64);
    if ((word & bit) == 0) continue;
    const size_t nth = ranks_[triple / 64] + static_cast<size_t>(std::popcount(word & (bit - 1)));
    if (HasHigh(triple)) {
      const size_t windows = begins_[nth + 1] - begins_[nth];
      left -= std::min(left, windows);
      if (left == 0) continue;
    }
    for (uint32_t i = begins_[nth]; i < begins_[nth + 1]; ++i) {
      const Place& place = places_[ordered_[i]];
      if (Fits(place, text, at)) hits.push_back(Hit(place.wanted, at - place.anchor, place.length));
    }
  }
  std::sort(hits.begin(), hits.end());
  hits.erase(std::unique(hits.begin(), hits.end()), hits.end());
  NameThose(hits, candidates);
  if (left > 0 || text.empty()) return;
  candidates.insert(candidates.end(), of_high_.begin(), of_high_.end());
  std::sort(candidates.begin() + before, candidates.end());
  candidates.erase(std::unique(candidates.begin() + before, candidates.end()), candidates.end());
}

void Prefilter::NameThose(const std::vector<uint64_t>& hits,
                          std::vector<unsigned>& candidates) const {
  size_t at = 0;
  while (at < hits.size()) {
    // All that is wanted of a pattern, of which the first hit is the first.
    size_t wanted = WantedOf(hits[at]);
    const unsigned id = wanted_[wanted].id;
    bool all = wanted == 0 || wanted_[wanted - 1].id != id;
    for (; wanted < wanted_.size() && wanted_[wanted].id == id; ++wanted) {
      size_t times = 0;  // without those that overlap
      for (size_t free = 0; at < hits.size() && WantedOf(hits[at]) == wanted; ++at) {
        if (BeginOf(hits[at]) < free) continue;
        free = EndOf(hits[at]);
        ++times;
      }
      all = all && times >= wanted_[wanted].times;
    }
    if (all) candidates.push_back(id);
  }
}

size_t Prefilter::bytes() const {
  const auto size = [](const auto& vector) { return vector.size() * sizeof(vector[0]); };
  return size(unfiltered_) + size(wanted_) + size(of_high_) + size(sets_) + size(places_) +
         size(triples_) + size(ranks_) + size(begins_) + size(ordered_);
}

}  // namespace cleanmail::regex
