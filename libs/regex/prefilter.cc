#include "libs/regex/prefilter.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>

#include <hs/hs.h>
#include <unistd.h>

#include "libs/base/cat.h"

namespace cleanmail::regex {
namespace {

// Longer patterns make the database large and its compilation slow, and are rare. Those that are
// bound to the text's beginning cost little without it.
constexpr size_t kLongestPattern = 4000;
constexpr size_t kLongestBoundPattern = 1500;
// The time to compile a database grows faster than the number of its patterns.
constexpr size_t kPatternsOfADatabase = 200;
// Repeats with larger bounds (of groups: with any) are widened, since the engine's automata grow
// with them.
constexpr unsigned kLargestBound = 4;

unsigned EngineFlags(const Flags& flags) {
  unsigned engine = HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
  if (flags.ignore_case) engine |= HS_FLAG_CASELESS;
  if (flags.multi_line) engine |= HS_FLAG_MULTILINE;
  if (flags.dot_matches_all) engine |= HS_FLAG_DOTALL;
  return engine;
}

// A bounded repeat `{2,40}` read at `at`; length 0: there is none.
struct Repeat {
  size_t length = 0;
  unsigned least = 0;
  unsigned most = 0;
  bool bounded = true;
};

Repeat RepeatAt(std::string_view pattern, size_t at) {
  const std::string_view rest = pattern.substr(at + 1);
  const size_t close = rest.find('}');
  const std::string_view inside = rest.substr(0, close);
  if (close == std::string_view::npos || inside.empty() || inside.size() > 12 ||
      inside.find_first_not_of("0123456789,") != std::string_view::npos || inside[0] == ',')
    return {};
  const size_t comma = inside.find(',');
  Repeat repeat;
  repeat.length = close + 2;
  repeat.least = static_cast<unsigned>(std::atoi(std::string(inside.substr(0, comma)).c_str()));
  repeat.bounded = comma == std::string_view::npos || comma + 1 < inside.size();
  repeat.most =
      comma == std::string_view::npos
          ? repeat.least
          : static_cast<unsigned>(std::atoi(std::string(inside.substr(comma + 1)).c_str()));
  return repeat;
}

// End of the character class that begins at `at`.
size_t ClassEnd(std::string_view pattern, size_t at) {
  size_t end = at + 1;
  if (end < pattern.size() && pattern[end] == '^') ++end;
  if (end < pattern.size() && pattern[end] == ']') ++end;
  for (; end < pattern.size() && pattern[end] != ']'; ++end) {
    if (pattern[end] == '\\') ++end;
    if (pattern.substr(end, 2) == "[:") {
      const size_t close = pattern.find(":]", end);
      if (close != std::string_view::npos) end = close + 1;
    }
  }
  return std::min(end + 1, pattern.size());
}

// A pattern that matches wherever `pattern` does, and perhaps elsewhere, cheaper to compile.
std::string Widened(std::string_view pattern) {
  std::string wide;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '\\') {
      wide += pattern.substr(at, 2);
      at += 2;
      continue;
    }
    if (pattern[at] == '[') {
      const size_t end = ClassEnd(pattern, at);
      wide += pattern.substr(at, end - at);
      at = end;
      continue;
    }
    const Repeat repeat = pattern[at] == '{' ? RepeatAt(pattern, at) : Repeat{};
    const unsigned bound = wide.ends_with(')') ? 1 : kLargestBound;
    if (repeat.length > 0 && (repeat.least > bound || (repeat.bounded && repeat.most > bound))) {
      const unsigned least = std::min(repeat.least, bound);
      wide += least == 0 ? "*" : least == 1 ? "+" : base::Cat("{", least, ",}");
      at += repeat.length;
      continue;
    }
    wide += pattern[at++];
  }
  return wide;
}

// The engine knows `x` only within the pattern.
std::string EnginePattern(const Regex& regex) {
  return base::Cat(regex.flags().extended ? "(?x)" : "", Widened(regex.pattern()));
}

bool CanTake(const std::string& pattern, unsigned flags) {
  const size_t longest = pattern.starts_with('^') ? kLongestBoundPattern : kLongestPattern;
  if (pattern.size() > longest || pattern.find('\0') != std::string::npos) return false;
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  const bool usable = hs_expression_info(pattern.c_str(), flags, &info, &error) == HS_SUCCESS;
  std::free(info);  // NOLINT(cppcoreguidelines-no-malloc): as the library asks
  hs_free_compile_error(error);
  return usable;
}

struct Batch {
  std::vector<std::string> patterns;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;

  Batch TakeFirst(size_t most) {
    Batch first;
    for (; first.ids.size() < most && !ids.empty(); Erase(ids.size() - 1)) {
      first.patterns.push_back(std::move(patterns.back()));
      first.flags.push_back(flags.back());
      first.ids.push_back(ids.back());
    }
    return first;
  }
  void Erase(size_t index) {
    const auto at = static_cast<ptrdiff_t>(index);
    patterns.erase(patterns.begin() + at);
    flags.erase(flags.begin() + at);
    ids.erase(ids.begin() + at);
  }
};

// Compiles what can be compiled; what cannot moves to `refused`.
hs_database_t* CompileBatch(Batch& batch, std::vector<unsigned>& refused) {
  while (!batch.ids.empty()) {
    std::vector<const char*> patterns;
    for (const std::string& pattern : batch.patterns) patterns.push_back(pattern.c_str());
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(patterns.data(), batch.flags.data(), batch.ids.data(),
                         static_cast<unsigned>(patterns.size()), HS_MODE_BLOCK, nullptr, &database,
                         &error) == HS_SUCCESS)
      return database;
    const int index = error == nullptr ? -1 : error->expression;
    hs_free_compile_error(error);
    if (index < 0) break;
    refused.push_back(batch.ids[static_cast<size_t>(index)]);
    batch.Erase(static_cast<size_t>(index));
  }
  refused.insert(refused.end(), batch.ids.begin(), batch.ids.end());
  return nullptr;
}

// How a compiled prefilter is kept in a file: numbers of eight bytes, texts behind their length.
void AppendNumber(std::string& out, uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void AppendBytes(std::string& out, std::string_view bytes) {
  AppendNumber(out, bytes.size());
  out += bytes;
}
void AppendIds(std::string& out, const std::vector<unsigned>& ids) {
  AppendNumber(out, ids.size());
  for (const unsigned id : ids) AppendNumber(out, id);
}

// Reads that again. What is too short reads as nothing, and ok() says so.
class KeptReader {
 public:
  explicit KeptReader(std::string_view rest) : rest_(rest) {}

  uint64_t Number() {
    uint64_t number = 0;
    ok_ = ok_ && rest_.size() >= sizeof number;
    if (!ok_) return 0;
    std::memcpy(&number, rest_.data(), sizeof number);
    rest_.remove_prefix(sizeof number);
    return number;
  }
  std::string_view Bytes() {
    const uint64_t length = Number();
    ok_ = ok_ && rest_.size() >= length;
    if (!ok_) return {};
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }
  std::vector<unsigned> Ids() {
    std::vector<unsigned> ids;
    for (uint64_t left = Number(); left > 0 && ok_; --left)
      ids.push_back(static_cast<unsigned>(Number()));
    return ids;
  }
  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// All that decides what is compiled.
std::string KeyOf(const Batch& batch) {
  std::string key = base::Cat("1\n", hs_version(), "\n", kPatternsOfADatabase, "\n");
  for (size_t i = 0; i < batch.ids.size(); ++i)
    key += base::Cat(batch.ids[i], " ", batch.flags[i], " ", batch.patterns[i].size(), " ",
                     batch.patterns[i], "\n");
  return key;
}

std::string PathOf(const std::string& cache, const std::string& key) {
  return base::Cat(cache, "/", std::hash<std::string>()(key), ".patterns");
}

// What was compiled for rules of long ago.
void ForgetUnused(const std::string& cache) {
  std::error_code error;
  const auto limit = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 30);
  for (const auto& entry : std::filesystem::directory_iterator(cache, error)) {
    if (entry.last_write_time(error) < limit && !error) std::filesystem::remove(entry, error);
  }
}

int OnMatch(unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
  static_cast<std::vector<unsigned>*>(context)->push_back(id);
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Prefilter>> Prefilter::Build(std::vector<Pattern> patterns,
                                                                  const std::string& cache) {
  std::unique_ptr<Prefilter> prefilter(new Prefilter());
  Batch all;
  for (const Pattern& pattern : patterns) {
    all.patterns.push_back(EnginePattern(*pattern.regex));
    all.flags.push_back(EngineFlags(pattern.regex->flags()));
    all.ids.push_back(pattern.id);
  }
  const std::string key = cache.empty() ? "" : KeyOf(all);
  if (!cache.empty() && prefilter->Recall(cache, key)) return prefilter;
  prefilter = std::unique_ptr<Prefilter>(new Prefilter());  // what half a file left behind goes
  Batch batch;
  for (size_t i = 0; i < all.ids.size(); ++i) {
    if (CanTake(all.patterns[i], all.flags[i])) {
      batch.patterns.push_back(std::move(all.patterns[i]));
      batch.flags.push_back(all.flags[i]);
      batch.ids.push_back(all.ids[i]);
    } else {
      prefilter->unfiltered_.push_back(all.ids[i]);
    }
  }
  while (!batch.ids.empty()) {
    Batch part = batch.TakeFirst(kPatternsOfADatabase);
    hs_database_t* database = CompileBatch(part, prefilter->unfiltered_);
    if (database == nullptr) continue;
    prefilter->filtered_.insert(prefilter->filtered_.end(), part.ids.begin(), part.ids.end());
    if (absl::Status added = prefilter->Add(database); !added.ok()) return added;
  }
  if (!cache.empty()) prefilter->Keep(cache, key);
  return prefilter;
}

absl::Status Prefilter::Add(hs_database* database) {
  databases_.push_back(database);
  if (hs_alloc_scratch(database, &prototype_) != HS_SUCCESS)
    return absl::ResourceExhaustedError("no memory to search with");
  return absl::OkStatus();
}

bool Prefilter::Recall(const std::string& cache, const std::string& key) {
  const std::string path = PathOf(cache, key);
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  const std::string kept(std::istreambuf_iterator<char>(file), {});
  KeptReader reader(kept);
  if (reader.Bytes() != key) return false;
  unfiltered_ = reader.Ids();
  filtered_ = reader.Ids();
  for (size_t left = reader.Number(); left > 0 && reader.ok(); --left) {
    const std::string_view bytes = reader.Bytes();
    hs_database_t* database = nullptr;
    // The library sees to version, processor and checksum itself.
    if (!reader.ok() ||
        hs_deserialize_database(bytes.data(), bytes.size(), &database) != HS_SUCCESS)
      return false;
    if (!Add(database).ok()) return false;
  }
  std::error_code ignored;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
  return reader.ok() && reader.AtEnd();
}

void Prefilter::Keep(const std::string& cache, const std::string& key) const {
  std::string kept;
  AppendBytes(kept, key);
  AppendIds(kept, unfiltered_);
  AppendIds(kept, filtered_);
  AppendNumber(kept, databases_.size());
  for (const hs_database* database : databases_) {
    char* bytes = nullptr;
    size_t length = 0;
    if (hs_serialize_database(database, &bytes, &length) != HS_SUCCESS) return;
    AppendBytes(kept, {bytes, length});
    std::free(bytes);  // NOLINT(cppcoreguidelines-no-malloc): as the library asks
  }
  std::error_code error;
  std::filesystem::create_directories(cache, error);
  ForgetUnused(cache);
  // Whole or not at all: another process may be reading, or this one be ended.
  const std::string path = PathOf(cache, key);
  const std::string half = base::Cat(path, ".", getpid());
  std::ofstream file(half, std::ios::binary | std::ios::trunc);
  file.write(kept.data(), static_cast<std::streamsize>(kept.size()));
  file.close();
  if (file.good()) std::filesystem::rename(half, path, error);
  if (!file.good() || error) std::filesystem::remove(half, error);
}

Prefilter::~Prefilter() {
  const absl::MutexLock lock(&mutex_);
  for (hs_scratch* scratch : idle_) hs_free_scratch(scratch);
  hs_free_scratch(prototype_);
  for (hs_database* database : databases_) hs_free_database(database);
}

hs_scratch* Prefilter::TakeScratch() const {
  {
    const absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      hs_scratch* scratch = idle_.back();
      idle_.pop_back();
      return scratch;
    }
  }
  hs_scratch* scratch = nullptr;
  return hs_clone_scratch(prototype_, &scratch) == HS_SUCCESS ? scratch : nullptr;
}

void Prefilter::ReturnScratch(hs_scratch* scratch) const {
  const absl::MutexLock lock(&mutex_);
  idle_.push_back(scratch);
}

void Prefilter::Scan(std::string_view text, std::vector<unsigned>& candidates) const {
  if (databases_.empty()) return;
  const size_t before = candidates.size();
  hs_scratch* scratch =
      text.size() > std::numeric_limits<unsigned>::max() ? nullptr : TakeScratch();
  bool scanned = scratch != nullptr;
  for (size_t i = 0; i < databases_.size() && scanned; ++i) {
    scanned =
        hs_scan(databases_[i], text.data() == nullptr ? "" : text.data(),
                static_cast<unsigned>(text.size()), 0, scratch, OnMatch, &candidates) == HS_SUCCESS;
  }
  if (scratch != nullptr) ReturnScratch(scratch);
  if (scanned) return;
  candidates.resize(before);  // not able to tell: everything may match
  candidates.insert(candidates.end(), filtered_.begin(), filtered_.end());
}

size_t Prefilter::bytes() const {
  size_t all = 0;
  for (const hs_database* database : databases_) {
    size_t bytes = 0;
    if (hs_database_size(database, &bytes) == HS_SUCCESS) all += bytes;
  }
  return all;
}

}  // namespace cleanmail::regex
