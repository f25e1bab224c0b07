#include "libs/regex/essence.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace cleanmail::regex {
namespace {

using Kind = PatternTree::Kind;

constexpr size_t kLongest = 6;        // places of a window
constexpr size_t kMostPrefixes = 48;  // kept while they are put together
constexpr size_t kMostUnited = 200;   // of alternatives
constexpr size_t kMostWindows = 500;  // of an essence
constexpr unsigned kMostRepeats = 4;  // unrolled beyond the least
constexpr size_t kMostEssences = 3;   // of a pattern
constexpr unsigned kMostTimes = 1000;
constexpr size_t kMostChildren = 40;   // of a sequence that are put together
constexpr size_t kMostStarts = 2'000;  // in a sequence
constexpr double kFrequencyOfCommon = 2e-3;
constexpr double kOften = 2e-5;         // of an essence that may have others beside it
constexpr double kLittleBeside = 5e-3;  // of those others
// Costs, in that of a window that was found.
constexpr double kLooking = 1e-5;   // for a window
constexpr double kConfirming = 5;   // to begin to
constexpr double kBeginning = 0.5;  // at each byte where a match may begin
constexpr unsigned kParagraph = 200;
constexpr double kTooMuch = 0.2;        // to look for the pattern itself costs little more
constexpr double kLittleEnough = 2e-5;  // nothing better is looked for

// How often a byte is each value in the text of mail, roughly: English in Latin letters, some
// markup.
std::array<double, 256> MakeFrequencies() {
  std::array<double, 256> table{};
  for (size_t c = 0; c < 256; ++c) table[c] = c < 32 ? 1e-4 : c < 128 ? 3e-3 : 1e-4;
  constexpr std::string_view kLetters = "etaoinshrdlcumwfgypbvkjxqz";
  constexpr double kShares[] = {91, 65, 59, 54, 50, 49, 46, 44, 43, 31,  29,  20,  20,
                                17, 17, 16, 14, 14, 14, 11, 7,  6,  1.1, 1.1, 0.7, 0.5};
  for (size_t i = 0; i < kLetters.size(); ++i) {
    const auto c = static_cast<size_t>(kLetters[i]);
    table[c] = kShares[i] * 1e-3;
    table[c - 32] = kShares[i] * 1e-4;
  }
  for (char c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = 8e-3;
  for (const char c : std::string_view(".,-/=<>\":")) table[static_cast<size_t>(c)] = 1e-2;
  table[' '] = 0.15;
  table['\n'] = 0.02;
  return table;
}

// Of sets, looked up by eight bytes at a time.
class Frequencies {
 public:
  Frequencies() {
    const std::array<double, 256> of_bytes = MakeFrequencies();
    for (size_t eight = 0; eight < kEights; ++eight) {
      for (size_t bits = 1; bits < 256; ++bits) {
        const auto lowest = static_cast<size_t>(std::countr_zero(bits));
        shares_[eight][bits] = shares_[eight][bits & (bits - 1)] + of_bytes[eight * 8 + lowest];
      }
    }
  }

  double Of(const ByteSet& set) const {
    static_assert(std::endian::native == std::endian::little);
    const auto bytes = std::bit_cast<std::array<uint8_t, kEights>>(set);
    double sum = 0;
    for (size_t eight = 0; eight < kEights; ++eight) sum += shares_[eight][bytes[eight]];
    return std::min(sum, 1.0);
  }

 private:
  static constexpr size_t kEights = 256 / 8;

  std::array<std::array<double, 256>, kEights> shares_{};
};

// A window with which matches begin. A closed one is all of them and can be carried on.
struct Prefix {
  std::array<ByteSet, kLongest> places;
  std::array<double, kLongest> frequencies;  // of the places
  uint8_t length = 0;
  bool open = false;
  double frequency = 1;
};
using Prefixes = std::vector<Prefix>;

// Whether `text` has what a window asks for.
bool IsIn(const Prefix& prefix, std::string_view text) {
  for (size_t at = 0; at + prefix.length <= text.size(); ++at) {
    size_t place = 0;
    while (place < prefix.length && prefix.places[place][static_cast<uint8_t>(text[at + place])])
      ++place;
    if (place == prefix.length) return true;
  }
  return false;
}

// How often a window is found. What mail is full of is more frequent than its bytes are.
double FrequencyInMail(const Prefix& prefix) {
  static constexpr std::string_view kCommon =
      "https://www. http://www. .com/ .org/ .net/ .html the and ing for your you tion that this "
      "with <a href=\"http <div style=\" <td style=\" <img src=\" <font <br> </a> </div>";
  return prefix.frequency < kFrequencyOfCommon && IsIn(prefix, kCommon) ? kFrequencyOfCommon
                                                                        : prefix.frequency;
}

// Behind its end a prefix allows nothing; its frequencies are those of its places.
void Reckon(Prefix& prefix) {
  for (size_t place = prefix.length; place < kLongest; ++place) prefix.places[place].reset();
  prefix.frequency = 1;
  for (size_t place = 0; place < prefix.length; ++place) {
    prefix.frequencies[place] = FrequencyOf(prefix.places[place]);
    prefix.frequency *= prefix.frequencies[place];
  }
}

bool AllOpen(const Prefixes& prefixes) {
  return std::all_of(prefixes.begin(), prefixes.end(), [](const Prefix& one) { return one.open; });
}

int Compare(const Prefix& a, const Prefix& b, size_t places) {
  return std::memcmp(a.places.data(), b.places.data(), places * sizeof(ByteSet));
}

// Of sorted ones, those that begin with the same `places` places become one, which allows behind
// them what any does. They stay sorted.
Prefixes JoinAlike(const Prefixes& prefixes, size_t places) {
  Prefixes joined;
  for (size_t begin = 0, end = 0; begin < prefixes.size(); begin = end) {
    joined.push_back(prefixes[begin]);
    Prefix& one = joined.back();
    for (end = begin + 1; end < prefixes.size() && one.length >= places; ++end) {
      const Prefix& other = prefixes[end];
      if (other.length < places || Compare(one, other, places) != 0) break;
      one.open = one.open || other.open || one.length != other.length;
      one.length = std::min(one.length, other.length);
      for (size_t place = places; place < one.length; ++place)
        one.places[place] |= other.places[place];
    }
    if (end > begin + 1) Reckon(one);
  }
  return joined;
}

Prefixes Sorted(const Prefixes& prefixes) {
  std::vector<const Prefix*> order;
  for (const Prefix& prefix : prefixes) order.push_back(&prefix);
  std::stable_sort(order.begin(), order.end(),
                   [](const Prefix* a, const Prefix* b) { return Compare(*a, *b, kLongest) < 0; });
  Prefixes sorted;
  sorted.reserve(prefixes.size());
  for (const Prefix* prefix : order) sorted.push_back(*prefix);
  return sorted;
}

// At most `most`: those that begin alike become one, and then, of the rarest, those of one length.
Prefixes Bounded(Prefixes prefixes, size_t most) {
  if (prefixes.size() <= most) return prefixes;
  prefixes = Sorted(prefixes);
  for (size_t places = kLongest - 1; places > 1 && prefixes.size() > most; --places)
    prefixes = JoinAlike(prefixes, places);
  if (prefixes.size() <= most) return prefixes;
  const size_t kept_apart = most - 2 * (kLongest + 1);
  std::vector<double> frequencies;
  for (const Prefix& prefix : prefixes) frequencies.push_back(prefix.frequency);
  const auto last_kept = frequencies.begin() + static_cast<ptrdiff_t>(kept_apart);
  std::nth_element(frequencies.begin(), last_kept, frequencies.end(), std::greater<>());
  Prefixes kept;
  std::array<std::optional<Prefix>, 2 * (kLongest + 1)> joined;
  for (const Prefix& prefix : prefixes) {
    if (prefix.frequency > *last_kept) {
      kept.push_back(prefix);
      continue;
    }
    std::optional<Prefix>& into = joined[prefix.length * 2U + (prefix.open ? 1U : 0U)];
    if (!into) into = prefix;
    for (size_t place = 0; place < prefix.length; ++place)
      into->places[place] |= prefix.places[place];
  }
  for (std::optional<Prefix>& one : joined) {
    if (!one) continue;
    Reckon(*one);
    kept.push_back(*one);
  }
  return kept;
}

// What begins as `first` says and goes on as `then` says.
Prefixes Product(const Prefixes& first, const Prefixes& then) {
  Prefixes both;
  both.reserve(first.size() * then.size());
  for (const Prefix& a : first) {
    if (a.open) {
      both.push_back(a);
      continue;
    }
    for (const Prefix& b : then) {
      Prefix one = a;
      for (size_t place = 0; place < b.length && one.length < kLongest; ++place) {
        one.places[one.length] = b.places[place];
        one.frequencies[one.length++] = b.frequencies[place];
        one.frequency *= b.frequencies[place];
      }
      one.open = b.open || one.length == kLongest;
      both.push_back(one);
    }
  }
  const size_t most = std::max(first.size(), then.size());
  return Bounded(std::move(both), std::clamp(most, kMostPrefixes, kMostUnited));
}

double CostOf(size_t windows, const Essence& essence) {
  const unsigned stretch = std::min(essence.before.most - essence.before.least, kParagraph);
  return kLooking * static_cast<double>(windows) +
         essence.frequency * (1 + kConfirming + kBeginning * stretch);
}

// What is known of a tree: how its matches begin, and what all of them contain, the cheapest first.
struct Summary {
  Prefixes prefixes;
  std::vector<Essence> essences;
};

// An essence and the children of a sequence it is in.
struct Found {
  Essence essence;
  size_t begin = 0;
  size_t end = 0;
};

// `prefixes`, which begin `before` behind where matches do, as an essence, if it is cheaper than
// `best`.
bool Offer(const Prefixes& prefixes, Lengths before, Essence& best) {
  if (prefixes.size() > kMostWindows) return false;
  Essence essence{.windows = {}, .before = before};
  const double cheaper_than = best.Cost();
  for (const Prefix& prefix : prefixes) {
    essence.frequency += FrequencyInMail(prefix);
    if (CostOf(prefixes.size(), essence) >= cheaper_than) return false;
  }
  for (const Prefix& prefix : prefixes)
    essence.windows.emplace_back(prefix.places.begin(), prefix.places.begin() + prefix.length);
  best = std::move(essence);
  return true;
}

// The cheapest of those that do not overlap.
std::vector<Essence> Chosen(std::vector<Found> all) {
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return a.essence.Cost() < b.essence.Cost();
  });
  std::vector<Essence> chosen;
  std::vector<std::pair<size_t, size_t>> taken;
  for (Found& one : all) {
    const bool overlaps = std::any_of(taken.begin(), taken.end(), [&one](const auto& other) {
      return one.begin < other.second && other.first < one.end;
    });
    if (overlaps) continue;
    // Of a child that has several, all are kept: they are apart already.
    if (one.end > one.begin + 1 || taken.empty() || taken.back().first != one.begin)
      taken.emplace_back(one.begin, one.end);
    chosen.push_back(std::move(one.essence));
    if (chosen.size() == kMostEssences) break;
  }
  return chosen;
}

Summary SummaryOf(const PatternTree& tree);

Summary OfSequence(const PatternTree& tree) {
  std::vector<Lengths> before(1);  // each child
  for (const PatternTree& one : tree.children) before.push_back(before.back() + LengthsOf(one));
  std::vector<Summary> children;  // as far as they were asked for
  std::vector<Found> found;
  double least = 1;
  const auto child = [&](size_t index) -> const Summary& {
    while (children.size() <= index) {
      const size_t next = children.size();
      children.push_back(SummaryOf(tree.children[next]));
      for (const Essence& essence : children.back().essences) {
        found.push_back({essence, next, next + 1});
        found.back().essence.before = before[next] + essence.before;
        least = std::min(least, found.back().essence.Cost());
      }
    }
    return children[index];
  };
  Summary summary;
  const size_t starts = std::clamp<size_t>(tree.children.size(), 1, kMostStarts);
  for (size_t from = 0; from < starts; ++from) {
    Prefixes run(1);
    Found best{.essence = {}, .begin = from, .end = from};
    const size_t last = std::min(from + kMostChildren, tree.children.size());
    for (size_t i = from; i < last && !AllOpen(run); ++i) {
      run = Product(run, child(i).prefixes);
      if (Offer(run, before[from], best.essence)) best.end = i + 1;
    }
    // What goes on behind the last that was looked at is left open.
    for (Prefix& prefix : run) prefix.open = prefix.open || last < tree.children.size();
    if (from == 0) summary.prefixes = std::move(run);
    least = std::min(least, best.essence.Cost());
    if (best.end > from) found.push_back(std::move(best));
    if (least < kLittleEnough) break;
  }
  summary.essences = Chosen(std::move(found));
  return summary;
}

Summary OfAlternatives(const PatternTree& tree) {
  Summary summary;
  Essence each{.windows = {}, .times = ~0U, .before = {.least = ~0U}};
  bool all = true;
  for (const PatternTree& child : tree.children) {
    Summary one = SummaryOf(child);
    std::move(one.prefixes.begin(), one.prefixes.end(), std::back_inserter(summary.prefixes));
    all = all && !one.essences.empty();
    if (!all) continue;
    Essence& cheapest = one.essences[0];
    each.frequency += cheapest.frequency;
    each.times = std::min(each.times, cheapest.times);
    each.before = each.before | cheapest.before;
    each.stride = std::max(each.stride, cheapest.stride);
    std::move(cheapest.windows.begin(), cheapest.windows.end(), std::back_inserter(each.windows));
  }
  Essence best;
  Offer(summary.prefixes, {}, best);
  if (all && each.Cost() < best.Cost() && each.windows.size() <= kMostWindows)
    best = std::move(each);
  if (!best.windows.empty()) summary.essences.push_back(std::move(best));
  return summary;
}

Summary OfRepeat(const PatternTree& tree) {
  Summary one = SummaryOf(tree.children[0]);
  const Lengths each = LengthsOf(tree.children[0]);
  Summary summary;
  // Repeats cannot share places, so what one contains is there as often as it is repeated.
  for (Essence& essence : one.essences) {
    if (tree.least == 0) break;
    essence.times = std::min(essence.times * tree.least, kMostTimes);
    // The last of one turn begins behind it begins, the first of the next at most so far into that.
    essence.stride = std::max(essence.stride, (each + essence.before).most);
    summary.essences.push_back(std::move(essence));
  }
  const bool few = one.prefixes.size() == 1 && tree.most < tree.least + kMostRepeats;
  const unsigned unrolled = tree.least + (few ? kMostRepeats : 1);
  Prefixes run(1);
  for (unsigned times = 0;; ++times) {
    // Further ones are left open; so are those behind what fits into a window.
    const bool beyond = times < tree.most && (times >= unrolled || times > kLongest);
    const bool ends = beyond || times == tree.most || AllOpen(run);
    if (times >= tree.least || ends) {
      for (Prefix& prefix : run) {
        prefix.open = prefix.open || beyond;
        summary.prefixes.push_back(prefix);
      }
    }
    if (ends) break;
    run = Product(run, one.prefixes);
  }
  summary.prefixes = Bounded(std::move(summary.prefixes), kMostUnited);
  Essence best;
  if (Offer(summary.prefixes, {}, best) &&
      (summary.essences.empty() || best.Cost() < summary.essences[0].Cost()))
    summary.essences.insert(summary.essences.begin(), std::move(best));
  return summary;
}

Summary SummaryOf(const PatternTree& tree) {
  switch (tree.kind) {
    case Kind::kBytes: {
      Summary summary;
      const double frequency = FrequencyOf(tree.bytes);
      summary.prefixes.push_back({.places = {tree.bytes},
                                  .frequencies = {frequency},
                                  .length = 1,
                                  .frequency = frequency});
      Essence best;
      if (Offer(summary.prefixes, {}, best)) summary.essences.push_back(std::move(best));
      return summary;
    }
    case Kind::kSequence:
      return OfSequence(tree);
    case Kind::kAlternate:
      return OfAlternatives(tree);
    case Kind::kRepeat:
      return OfRepeat(tree);
    case Kind::kGap:
      break;
  }
  return {.prefixes = {{.places = {}, .frequencies = {}, .open = true}}, .essences = {}};
}

}  // namespace

double FrequencyOf(const ByteSet& set) {
  static const Frequencies kFrequencies;
  return kFrequencies.Of(set);
}

double Essence::Cost() const { return windows.empty() ? 1 : CostOf(windows.size(), *this); }

Traits TraitsOf(const PatternTree& tree) {
  Summary summary = SummaryOf(tree);
  Traits traits;
  for (const Prefix& prefix : summary.prefixes)
    traits.begins.emplace_back(prefix.places.begin(), prefix.places.begin() + prefix.length);
  if (std::any_of(traits.begins.begin(), traits.begins.end(),
                  [](const Window& window) { return window.empty(); }))
    traits.begins.clear();
  std::vector<Essence>& essences = summary.essences;
  std::erase_if(essences, [](const Essence& essence) { return essence.Cost() > kTooMuch; });
  // Further ones are worth their cost where the first is found often.
  for (Essence& one : essences) {
    if (traits.essences.empty() ||
        (traits.essences[0].frequency > kOften && one.frequency < kLittleBeside))
      traits.essences.push_back(std::move(one));
  }
  return traits;
}

}  // namespace cleanmail::regex
