#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/regex/regex.h"

struct hs_database;
struct hs_scratch;

namespace cleanmail::regex {

// Many patterns looked for in one pass: says which of them may match a text. What it leaves out
// does not match; what it names has yet to be confirmed by its Regex. Immutable; thread-safe.
class Prefilter {
 public:
  // A pattern and the number it is known by.
  struct Pattern {
    const Regex* regex = nullptr;
    unsigned id = 0;
  };

  // Patterns that the engine cannot take (and all, where the processor is too old for it) are in
  // unfiltered(): they may match anything. Takes time: some milliseconds a pattern. With a `cache`
  // (a folder nobody else writes to) what was compiled is kept there, and what an earlier call kept
  // is taken in milliseconds, if it is of the same patterns and works with this library and
  // processor. A cache that cannot be used costs time, nothing else.
  static absl::StatusOr<std::unique_ptr<const Prefilter>> Build(std::vector<Pattern> patterns,
                                                                const std::string& cache = {});
  ~Prefilter();

  // Appends the ids of patterns that may match `text` to `candidates`, each once, unfiltered()
  // excepted.
  void Scan(std::string_view text, std::vector<unsigned>& candidates) const;

  const std::vector<unsigned>& unfiltered() const { return unfiltered_; }
  // Bytes of the compiled database.
  size_t bytes() const;

 private:
  Prefilter() = default;
  absl::Status Add(hs_database* database);
  // What was kept under `key`; false: nothing that can be used.
  bool Recall(const std::string& cache, const std::string& key);
  void Keep(const std::string& cache, const std::string& key) const;
  hs_scratch* TakeScratch() const;
  void ReturnScratch(hs_scratch* scratch) const;

  std::vector<hs_database*> databases_;
  hs_scratch* prototype_ = nullptr;
  std::vector<unsigned> filtered_;
  std::vector<unsigned> unfiltered_;
  mutable absl::Mutex mutex_;
  mutable std::vector<hs_scratch*> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::regex
