#include "libs/regex/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 0
#include <algorithm>

#include <pcre2.h>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::regex {
namespace {

constexpr size_t kJitStackStart = 32 << 10;
constexpr size_t kJitStackMost = 512 << 10;
constexpr uint32_t kHeapKibibytes = 4096;
constexpr uint32_t kDepth = 10'000;
constexpr uint32_t kGroups = 64;
constexpr size_t kLongestPattern = 512 << 10;

// What a thread needs for its searches, kept so that a search allocates nothing.
struct Workspace {
  Workspace()
      : context(pcre2_match_context_create_8(nullptr)),
        data(pcre2_match_data_create_8(kGroups, nullptr)),
        stack(pcre2_jit_stack_create_8(kJitStackStart, kJitStackMost, nullptr)) {
    pcre2_set_heap_limit_8(context, kHeapKibibytes);
    pcre2_set_depth_limit_8(context, kDepth);
    pcre2_jit_stack_assign_8(context, nullptr, stack);
  }
  ~Workspace() {
    pcre2_jit_stack_free_8(stack);
    pcre2_match_data_free_8(data);
    pcre2_match_context_free_8(context);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  pcre2_match_context_8* context;
  pcre2_match_data_8* data;
  pcre2_jit_stack_8* stack;
};

// The same for patterns with wide offsets, whose subjects are widened too.
struct WideWorkspace {
  WideWorkspace()
      : context(pcre2_match_context_create_32(nullptr)),
        data(pcre2_match_data_create_32(kGroups, nullptr)),
        stack(pcre2_jit_stack_create_32(kJitStackStart, kJitStackMost, nullptr)) {
    pcre2_set_heap_limit_32(context, kHeapKibibytes);
    pcre2_set_depth_limit_32(context, kDepth);
    pcre2_jit_stack_assign_32(context, nullptr, stack);
  }
  ~WideWorkspace() {
    pcre2_jit_stack_free_32(stack);
    pcre2_match_data_free_32(data);
    pcre2_match_context_free_32(context);
  }
  WideWorkspace(const WideWorkspace&) = delete;
  WideWorkspace& operator=(const WideWorkspace&) = delete;

  pcre2_match_context_32* context;
  pcre2_match_data_32* data;
  pcre2_jit_stack_32* stack;
  std::vector<uint32_t> subject;
};

Workspace& ThreadWorkspace() {
  thread_local Workspace workspace;
  return workspace;
}

WideWorkspace& ThreadWideWorkspace() {
  thread_local WideWorkspace workspace;
  return workspace;
}

uint32_t Options(const Flags& flags) {
  uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
  if (flags.ignore_case) options |= PCRE2_CASELESS;
  if (flags.multi_line) options |= PCRE2_MULTILINE;
  if (flags.dot_matches_all) options |= PCRE2_DOTALL;
  if (flags.extended) options |= PCRE2_EXTENDED;
  return options;
}

PCRE2_SPTR8 Bytes(std::string_view text) {
  static constexpr char kEmpty = 0;
  return reinterpret_cast<PCRE2_SPTR8>(text.data() == nullptr ? &kEmpty : text.data());
}

void Widen(std::string_view text, std::vector<uint32_t>& wide) {
  wide.resize(text.size() + 1);
  std::transform(text.begin(), text.end(), wide.begin(),
                 [](char c) { return static_cast<unsigned char>(c); });
}

// The groups of a match found by pcre2_match with result `found`.
void CopyGroups(int found, const PCRE2_SIZE* spans, Match& match) {
  const size_t groups = found == 0 ? kGroups : static_cast<size_t>(found);
  match.groups.reserve(groups);
  for (size_t i = 0; i < groups; ++i) {
    match.groups.push_back(spans[2 * i] == PCRE2_UNSET ? Span{}
                                                       : Span{spans[2 * i], spans[2 * i + 1]});
  }
}

pcre2_code_32* CompileWide(std::string_view pattern, const Flags& flags, int& error,
                           PCRE2_SIZE& offset) {
  std::vector<uint32_t> wide;
  Widen(pattern, wide);
  pcre2_code_32* code =
      pcre2_compile_32(wide.data(), pattern.size(), Options(flags), &error, &offset, nullptr);
  if (code != nullptr) pcre2_jit_compile_32(code, PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

void Regex::Freer::operator()(pcre2_real_code_8* code) const { pcre2_code_free_8(code); }
void Regex::Freer::operator()(pcre2_real_code_32* code) const { pcre2_code_free_32(code); }

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern, Flags flags, Limits limits) {
  if (pattern.size() > kLongestPattern)
    return absl::InvalidArgumentError("the pattern is longer than 512 KiB");
  Regex regex(std::string(pattern), flags, limits);
  int error = 0;
  PCRE2_SIZE offset = 0;
  regex.code_.reset(
      pcre2_compile_8(Bytes(pattern), pattern.size(), Options(flags), &error, &offset, nullptr));
  if (regex.code_ != nullptr) {
    pcre2_pattern_info_8(regex.code_.get(), PCRE2_INFO_MINLENGTH, &regex.least_length_);
    // Where the processor cannot, the interpreter does the work.
    regex.jit_ = pcre2_jit_compile_8(regex.code_.get(), PCRE2_JIT_COMPLETE) == 0;
    return regex;
  }
  if (error == PCRE2_ERROR_PATTERN_TOO_LARGE)
    regex.wide_code_.reset(CompileWide(pattern, flags, error, offset));
  if (regex.wide_code_ != nullptr) return regex;
  PCRE2_UCHAR8 words[160] = {};
  pcre2_get_error_message_8(error, words, sizeof(words));
  return absl::InvalidArgumentError(
      base::AbslView(base::Cat(reinterpret_cast<const char*>(words), " at byte ", offset)));
}

Outcome Regex::Find(std::string_view subject, size_t from, Match* match) const {
  if (match != nullptr) match->groups.clear();
  const Found found = Search(subject, {.first = from});
  if (found.outcome == Outcome::kMatch && match != nullptr)
    CopyGroups(found.groups, found.ends, *match);
  return found.outcome;
}

Outcome Regex::FindWithin(std::string_view subject, Stretch begin) const {
  return Search(subject, begin).outcome;
}

Regex::Found Regex::Search(std::string_view subject, Stretch begin) const {
  if (begin.first > subject.size() || subject.size() - begin.first < least_length_) return {};
  const PCRE2_SIZE limit = begin.last < subject.size() ? begin.last : PCRE2_UNSET;
  Found found;
  if (code_ != nullptr) {
    Workspace& workspace = ThreadWorkspace();
    pcre2_set_match_limit_8(workspace.context, limits_.steps);
    pcre2_set_offset_limit_8(workspace.context, limit);
    // What was compiled to machine code is run without the checks of pcre2_match.
    const auto match_it = jit_ ? pcre2_jit_match_8 : pcre2_match_8;
    found.groups = match_it(code_.get(), Bytes(subject), subject.size(), begin.first, 0,
                            workspace.data, workspace.context);
    found.ends = pcre2_get_ovector_pointer_8(workspace.data);
  } else {
    WideWorkspace& workspace = ThreadWideWorkspace();
    Widen(subject, workspace.subject);
    pcre2_set_match_limit_32(workspace.context, limits_.steps);
    pcre2_set_offset_limit_32(workspace.context, limit);
    found.groups = pcre2_match_32(wide_code_.get(), workspace.subject.data(), subject.size(),
                                  begin.first, 0, workspace.data, workspace.context);
    found.ends = pcre2_get_ovector_pointer_32(workspace.data);
  }
  if (found.groups >= 0) {
    found.outcome = Outcome::kMatch;
  } else if (found.groups != PCRE2_ERROR_NOMATCH) {
    found.outcome = Outcome::kGaveUp;
  }
  return found;
}

Counted Regex::Count(std::string_view subject, size_t most, Stretch begin) const {
  Counted counted{.end = begin.first};
  while (counted.end <= std::min(subject.size(), begin.last) &&
         (most == 0 || counted.count < most)) {
    const Found found = Search(subject, {.first = counted.end, .last = begin.last});
    counted.gave_up = counted.gave_up || found.outcome == Outcome::kGaveUp;
    if (found.outcome != Outcome::kMatch) break;
    ++counted.count;
    // An empty match is stepped over, or it would be found again.
    counted.end = std::max(found.ends[1], found.ends[0] + 1);
  }
  return counted;
}

size_t Regex::bytes() const {
  size_t code = 0;
  size_t jit = 0;
  if (code_ != nullptr) {
    pcre2_pattern_info_8(code_.get(), PCRE2_INFO_SIZE, &code);
    pcre2_pattern_info_8(code_.get(), PCRE2_INFO_JITSIZE, &jit);
  } else {
    pcre2_pattern_info_32(wide_code_.get(), PCRE2_INFO_SIZE, &code);
    pcre2_pattern_info_32(wide_code_.get(), PCRE2_INFO_JITSIZE, &jit);
  }
  return code + jit + pattern_.capacity();
}

Regex CompiledIn(std::string_view pattern, Flags flags) {
  absl::StatusOr<Regex> regex = Regex::Compile(pattern, flags, {.steps = 2'000'000});
  CLEANMAIL_CHECK(regex.ok(), base::Cat(pattern, ": ", regex.status().message()));
  return *std::move(regex);
}

}  // namespace cleanmail::regex
