#include "libs/regex/prefilter.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "libs/base/status_macros.h"

namespace cleanmail::regex {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);
constexpr size_t kFewWindows = 1024;    // as many as a word of buckets is enough for
constexpr size_t kNear = 8;             // stretches so near to each other are one
constexpr size_t kMostFinds = 1 << 16;  // that are kept apart in a text
constexpr size_t kWide = 16;            // a stretch in which it is looked how matches begin
constexpr double kRareBegin = 0.1;      // where that is worth it

template <class Function>
void ForEachBit(uint64_t bits, const Function& function) {
  for (; bits != 0; bits &= bits - 1) function(static_cast<size_t>(std::countr_zero(bits)));
}

}  // namespace

// Sorts windows into buckets, so that few buckets may have one at a byte of mail: the most frequent
// first, each into the bucket that becomes least more frequent by it.
class Prefilter::Sorter {
 public:
  bool HasRoomFor(const std::vector<Essence>& essences) const {
    size_t more = 0;
    for (const Essence& essence : essences) more += essence.windows.size();
    return windows_.size() + more <= kBuckets * kWord;
  }

  void Add(const Window& window, uint32_t wanted) {
    Draft draft;
    const size_t length = std::min(window.size(), kPlaces);
    for (size_t i = 0; i < kPlaces; ++i) {
      draft.bytes[i] = i < length ? window[i] : ~ByteSet();
      draft.frequencies[i] = FrequencyOf(draft.bytes[i]);
    }
    draft.windows.push_back({.bytes = draft.bytes,
                             .place = {.wanted = wanted, .length = static_cast<uint32_t>(length)}});
    windows_.push_back(std::move(draft));
  }

  std::vector<Bucket> Sorted() && {
    std::stable_sort(windows_.begin(), windows_.end(),
                     [](const Draft& a, const Draft& b) { return a.Frequency() > b.Frequency(); });
    const size_t most = windows_.size() <= kFewWindows ? kWord : kBuckets;
    std::vector<Draft> drafts;
    for (Draft& window : windows_) {
      if (Draft* bucket = BucketFor(window, drafts, most)) {
        bucket->Take(window);
      } else {
        drafts.push_back(std::move(window));
      }
    }
    std::vector<Bucket> buckets;
    for (const Draft& draft : drafts) buckets.push_back(Finished(draft));
    return buckets;
  }

 private:
  using Padded = std::array<ByteSet, kPlaces>;  // behind its end a window allows anything

  struct Entry {
    Padded bytes;
    Place place;
  };
  // A bucket to be; at first of one window.
  struct Draft {
    Padded bytes;
    std::array<double, kPlaces> frequencies{};  // of bytes
    std::vector<Entry> windows;

    double Frequency() const {
      double all = 1;
      for (const double one : frequencies) all *= one;
      return all;
    }
    // With another's windows.
    double FrequencyWith(const Draft& other) const {
      double all = 1;
      for (size_t i = 0; i < kPlaces; ++i) {
        const ByteSet either = bytes[i] | other.bytes[i];
        all *= either == bytes[i] ? frequencies[i] : FrequencyOf(either);
      }
      return all;
    }
    void Take(const Draft& other) {
      for (size_t i = 0; i < kPlaces; ++i) {
        bytes[i] |= other.bytes[i];
        frequencies[i] = FrequencyOf(bytes[i]);
      }
      windows.insert(windows.end(), other.windows.begin(), other.windows.end());
    }
  };

  // Null for one of its own.
  static Draft* BucketFor(const Draft& window, std::vector<Draft>& drafts, size_t most) {
    Draft* best = nullptr;
    double least = drafts.size() < most ? window.Frequency() : 2;
    for (Draft& draft : drafts) {
      if (draft.windows.size() == kWord) continue;
      const double more = draft.FrequencyWith(window) - draft.Frequency();
      if (more >= least) continue;
      least = more;
      best = &draft;
    }
    return best;
  }

  static Bucket Finished(const Draft& draft) {
    Bucket bucket;
    for (size_t number = 0; number < draft.windows.size(); ++number) {
      const auto& [bytes, place] = draft.windows[number];
      const uint64_t bit = uint64_t{1} << number;
      bucket.places.push_back(place);
      for (size_t i = 0; i < kPlaces; ++i) {
        for (size_t c = 0; c < kBeyond; ++c) bucket.masks[i][c][0] |= bytes[i][c] ? bit : 0;
        bucket.masks[i][kBeyond][0] |= i >= place.length ? bit : 0;
      }
    }
    return bucket;
  }

  std::vector<Draft> windows_;
};

// What was found of each essence in a text, from front to back.
class Prefilter::Finds {
 public:
  explicit Finds(const std::vector<Wanted>& wanted) : wanted_(wanted), kept_(Kept()) {
    if (kept_.runs.size() < wanted.size()) kept_.runs.resize(wanted.size());
  }
  ~Finds() {
    for (const uint32_t wanted : kept_.found) kept_.runs[wanted] = Run();
    kept_.found.clear();
    kept_.finds.clear();
  }
  Finds(const Finds&) = delete;
  Finds& operator=(const Finds&) = delete;

  // A window is at `begin`. Where an essence is wanted several times, they are a run: none is
  // farther from the next than its stride. Those that overlap count once.
  void Add(const Place& place, size_t begin) {
    const Wanted& wanted = wanted_[place.wanted];
    if (begin < wanted.before.least) return;
    Run& run = kept_.runs[place.wanted];
    std::vector<Find>& finds = kept_.finds;
    const bool is_first = run.latest == kNone;
    if (is_first) kept_.found.push_back(place.wanted);
    const bool begins_run = is_first || begin - finds[run.latest].last > wanted.stride;
    // Those near the one before are one with it; where there are too many, all are.
    if (!is_first && (begin - finds[run.latest].last <= kNear || finds.size() >= kMostFinds)) {
      finds[run.latest].last = begin;
    } else {
      if (!is_first) finds[run.latest].next = finds.size();
      run.latest = finds.size();
      finds.push_back({.begin = begin, .last = begin});
    }
    if (begins_run) {
      run.begin = run.latest;
      run.free = 0;
      run.times = 0;
    }
    const size_t end = begin + place.length;
    if (begin >= run.free) ++run.times;
    run.free = begin >= run.free ? end : std::min(run.free, end);
    if (run.times < wanted.times) return;
    if (run.first == kNone) run.first = run.begin;
    run.last = run.latest;
  }

  // Calls `name` with the patterns of which everything wanted was found, where one match may have
  // it all, and with the first of what was wanted.
  template <class Name>
  void ForEachNamed(const Name& name) {
    std::vector<uint32_t>& found = kept_.found;
    std::sort(found.begin(), found.end());
    for (size_t at = 0; at < found.size();) {
      const uint32_t first = found[at];
      const unsigned id = wanted_[first].id;
      bool all = first == 0 || wanted_[first - 1].id != id;
      Stretch begin;
      for (uint32_t wanted = first; wanted < wanted_.size() && wanted_[wanted].id == id; ++wanted) {
        const bool there = at < found.size() && found[at] == wanted;
        all = all && there && Narrow(wanted, begin);
        at += there ? 1 : 0;
      }
      if (all) NameWithin(first, begin, name);
    }
  }

 private:
  // Windows of an essence, from the first's begin to the last's, and the next of that essence.
  struct Find {
    size_t begin = 0;
    size_t last = 0;
    size_t next = kNone;
  };
  // Of an essence; places in finds.
  struct Run {
    size_t begin = kNone;
    size_t latest = kNone;
    size_t first = kNone;  // that is in a run of enough
    size_t last = kNone;
    size_t free = 0;  // byte behind the last that counts
    unsigned times = 0;
  };
  // A thread's, so that a scan allocates nothing.
  struct Workspace {
    std::vector<Run> runs;
    std::vector<Find> finds;
    std::vector<uint32_t> found;
  };
  static Workspace& Kept() {
    thread_local Workspace workspace;
    return workspace;
  }

  // Where a match may begin that has `wanted` at a find.
  Stretch BeginFor(const Wanted& wanted, const Find& find) const {
    return {.first = find.begin - std::min<size_t>(find.begin, wanted.before.most),
            .last = find.last - wanted.before.least};
  }

  // Leaves of `begin` where a match may begin that has what was found of `wanted`; false: nowhere.
  bool Narrow(uint32_t wanted, Stretch& begin) const {
    const Run& run = kept_.runs[wanted];
    if (run.first == kNone) return false;
    begin.first = std::max(begin.first, BeginFor(wanted_[wanted], kept_.finds[run.first]).first);
    begin.last = std::min(begin.last, BeginFor(wanted_[wanted], kept_.finds[run.last]).last);
    return begin.first <= begin.last;
  }

  // What was found of `wanted` says more closely where a match may begin.
  template <class Name>
  void NameWithin(uint32_t wanted, const Stretch& begin, const Name& name) const {
    const Run& run = kept_.runs[wanted];
    Stretch last{.first = kNone, .last = 0};
    for (size_t at = run.first; at != kNone; at = kept_.finds[at].next) {
      const Stretch one = BeginFor(wanted_[wanted], kept_.finds[at]);
      const Stretch here{.first = std::max(one.first, begin.first),
                         .last = std::min(one.last, begin.last)};
      if (here.first > here.last) continue;
      if (last.first != kNone && here.first <= last.last + kNear) {
        last.last = std::max(last.last, here.last);
        continue;
      }
      if (last.first != kNone) name(wanted_[wanted], last);
      last = here;
    }
    if (last.first != kNone) name(wanted_[wanted], last);
  }

  const std::vector<Wanted>& wanted_;
  Workspace& kept_;
};

Prefilter::Prefilter(const std::vector<Pattern>& patterns) {
  Sorter sorter;
  for (const Pattern& pattern : patterns) {
    const auto tree = ReadPatternTree(pattern.regex->pattern(), pattern.regex->flags());
    const Traits traits = tree ? TraitsOf(*tree) : Traits();
    if (traits.essences.empty() || !sorter.HasRoomFor(traits.essences)) {
      unfiltered_.push_back(pattern.id);
      continue;
    }
    const uint32_t begins = AddBegins(traits);
    for (const Essence& essence : traits.essences) {
      for (const Window& window : essence.windows)
        sorter.Add(window, static_cast<uint32_t>(wanted_.size()));
      wanted_.push_back({pattern.id, essence.times, essence.before, essence.stride, begins});
    }
  }
  buckets_ = std::move(sorter).Sorted();
  if (buckets_.size() > kWord) {
    many_ = MasksOf<2>(buckets_);
  } else if (!buckets_.empty()) {
    few_ = MasksOf<1>(buckets_);
  }
}

// Worth it where the essences leave open where matches begin, and few bytes look like it.
uint32_t Prefilter::AddBegins(const Traits& traits) {
  const bool is_open =
      std::all_of(traits.essences.begin(), traits.essences.end(),
                  [](const Essence& one) { return one.before.most - one.before.least >= kWide; });
  // One word of buckets is enough for kFewWindows.
  if (!is_open || traits.begins.empty() || traits.begins.size() > kFewWindows) return kAnyhow;
  Sorter sorter;
  double frequency = 0;
  for (const Window& window : traits.begins) {
    double here = 1;
    for (const ByteSet& bytes : window) here *= FrequencyOf(bytes);
    frequency += here;
    if (frequency > kRareBegin) return kAnyhow;
    sorter.Add(window, 0);
  }
  begins_.push_back(MasksOf<1>(std::move(sorter).Sorted()));
  return static_cast<uint32_t>(begins_.size() - 1);
}

template <size_t kWords>
std::unique_ptr<Prefilter::Masks<kWords>> Prefilter::MasksOf(const std::vector<Bucket>& buckets) {
  CLEANMAIL_CHECK(buckets.size() <= kWords * kWord, "every bucket has a bit");
  auto masks = std::make_unique<Masks<kWords>>();
  for (size_t place = 0; place < kPlaces; ++place) {
    for (size_t c = 0; c <= kBeyond; ++c) {
      for (size_t number = 0; number < buckets.size(); ++number) {
        if (buckets[number].masks[place][c][0] != 0)
          (*masks)[place][c][number / kWord] |= uint64_t{1} << number % kWord;
      }
    }
  }
  return masks;
}

template <size_t kWords, class Byte>
std::array<uint64_t, kWords> Prefilter::Meet(const Masks<kWords>& masks, const Byte& byte) {
  std::array<uint64_t, kWords> all = masks[0][byte(0)];
  for (size_t place = 1; place < kPlaces; ++place) {
    const std::array<uint64_t, kWords>& here = masks[place][byte(place)];
    for (size_t word = 0; word < kWords; ++word) all[word] &= here[word];
  }
  return all;
}

template <class Byte>
void Prefilter::LookInto(const Bucket& bucket, size_t at, const Byte& byte, Finds& finds) {
  if (bucket.places.size() == 1) return finds.Add(bucket.places[0], at);
  ForEachBit(Meet(bucket.masks, byte)[0],
             [&](size_t window) { finds.Add(bucket.places[window], at); });
}

template <size_t kWords, class Byte>
void Prefilter::Look(const Masks<kWords>& masks, size_t at, const Byte& byte, Finds& finds) const {
  const std::array<uint64_t, kWords> may = Meet(masks, byte);
  for (size_t word = 0; word < kWords; ++word) {
    ForEachBit(may[word],
               [&](size_t bit) { LookInto(buckets_[word * kWord + bit], at, byte, finds); });
  }
}

template <class See>
void Prefilter::ForEachByte(std::string_view text, size_t from, size_t end, const See& see) {
  size_t at = from;
  for (; at < end && at + kPlaces <= text.size(); ++at) {
    const char* here = text.data() + at;
    see(at, [here](size_t place) { return size_t{static_cast<uint8_t>(here[place])}; });
  }
  for (; at < end; ++at) {
    const std::string_view rest = text.substr(at);
    see(at, [rest](size_t place) {
      return place < rest.size() ? static_cast<uint8_t>(rest[place]) : kBeyond;
    });
  }
}

template <size_t kWords>
void Prefilter::Read(const Masks<kWords>& masks, std::string_view text, Finds& finds) const {
  ForEachByte(text, 0, text.size(),
              [&](size_t at, const auto& byte) { Look(masks, at, byte, finds); });
}

void Prefilter::Refine(const Candidate& candidate, uint32_t begins, std::string_view text,
                       std::vector<Candidate>& candidates) const {
  const Stretch& open = candidate.begin;
  if (begins == kAnyhow || open.last - open.first < kWide) {
    candidates.push_back(candidate);
    return;
  }
  const size_t others = candidates.size();
  ForEachByte(text, open.first, open.last < text.size() ? open.last + 1 : text.size(),
              [&](size_t at, const auto& byte) {
                if (Meet(*begins_[begins], byte)[0] == 0) return;
                const bool is_first = candidates.size() == others;
                if (!is_first && (at <= candidates.back().begin.last + kNear ||
                                  candidates.size() >= kMostFinds)) {
                  candidates.back().begin.last = at;
                } else {
                  candidates.push_back({candidate.id, {.first = at, .last = at}});
                }
              });
}

void Prefilter::Scan(std::string_view text, std::vector<Candidate>& candidates) const {
  if (buckets_.empty()) return;
  Finds finds(wanted_);
  if (many_ != nullptr) {
    Read(*many_, text, finds);
  } else {
    Read(*few_, text, finds);
  }
  finds.ForEachNamed([&](const Wanted& wanted, const Stretch& begin) {
    Refine({wanted.id, begin}, wanted.begin, text, candidates);
  });
}

size_t Prefilter::bytes() const {
  return buckets_.size() * sizeof(Bucket) + (few_ != nullptr ? sizeof(*few_) : 0) +
         (many_ != nullptr ? sizeof(*many_) : 0) + wanted_.size() * sizeof(Wanted) +
         begins_.size() * sizeof(Masks<1>);
}

}  // namespace cleanmail::regex
