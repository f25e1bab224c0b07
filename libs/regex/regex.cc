#include "libs/regex/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
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

// What a thread needs for its searches, kept so that a search allocates nothing.
struct Workspace {
  Workspace()
      : context(pcre2_match_context_create(nullptr)),
        data(pcre2_match_data_create(kGroups, nullptr)),
        stack(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr)) {
    pcre2_set_heap_limit(context, kHeapKibibytes);
    pcre2_set_depth_limit(context, kDepth);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Workspace() {
    pcre2_jit_stack_free(stack);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  pcre2_match_context* context;
  pcre2_match_data* data;
  pcre2_jit_stack* stack;
};

Workspace& ThreadWorkspace() {
  thread_local Workspace workspace;
  return workspace;
}

uint32_t Options(const Flags& flags) {
  uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
  if (flags.ignore_case) options |= PCRE2_CASELESS;
  if (flags.multi_line) options |= PCRE2_MULTILINE;
  if (flags.dot_matches_all) options |= PCRE2_DOTALL;
  if (flags.extended) options |= PCRE2_EXTENDED;
  return options;
}

PCRE2_SPTR Bytes(std::string_view text) {
  static constexpr char kEmpty = 0;
  return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? &kEmpty : text.data());
}

}  // namespace

void Regex::Freer::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern, Flags flags, Limits limits) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(Bytes(pattern), pattern.size(), Options(flags), &error, &offset, nullptr);
  if (code == nullptr) {
    PCRE2_UCHAR words[160] = {};
    pcre2_get_error_message(error, words, sizeof(words));
    return absl::InvalidArgumentError(
        base::AbslView(base::Cat(reinterpret_cast<const char*>(words), " at byte ", offset)));
  }
  Regex regex(code, std::string(pattern), flags, limits);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it, the interpreter does the work
  return regex;
}

Outcome Regex::Find(std::string_view subject, size_t from, Match* match) const {
  if (match != nullptr) match->groups.clear();
  if (from > subject.size()) return Outcome::kNoMatch;
  Workspace& workspace = ThreadWorkspace();
  pcre2_set_match_limit(workspace.context, limits_.steps);
  const int found = pcre2_match(code_.get(), Bytes(subject), subject.size(), from, 0,
                                workspace.data, workspace.context);
  if (found == PCRE2_ERROR_NOMATCH) return Outcome::kNoMatch;
  if (found < 0) return Outcome::kGaveUp;
  if (match != nullptr) {
    const size_t groups = found == 0 ? kGroups : static_cast<size_t>(found);
    const PCRE2_SIZE* spans = pcre2_get_ovector_pointer(workspace.data);
    match->groups.reserve(groups);
    for (size_t i = 0; i < groups; ++i) {
      match->groups.push_back(spans[2 * i] == PCRE2_UNSET ? Span{}
                                                          : Span{spans[2 * i], spans[2 * i + 1]});
    }
  }
  return Outcome::kMatch;
}

size_t Regex::Count(std::string_view subject, size_t most, bool& gave_up) const {
  size_t count = 0;
  size_t from = 0;
  Match match;
  while (from <= subject.size() && (most == 0 || count < most)) {
    const Outcome outcome = Find(subject, from, &match);
    if (outcome == Outcome::kGaveUp) gave_up = true;
    if (outcome != Outcome::kMatch) break;
    ++count;
    const Span whole = match.groups[0];
    // An empty match is stepped over, or it would be found again.
    from = whole.end == whole.begin ? whole.end + 1 : whole.end;
  }
  return count;
}

size_t Regex::bytes() const {
  size_t code = 0;
  size_t jit = 0;
  pcre2_pattern_info(code_.get(), PCRE2_INFO_SIZE, &code);
  pcre2_pattern_info(code_.get(), PCRE2_INFO_JITSIZE, &jit);
  return code + jit + pattern_.capacity();
}

Regex CompiledIn(std::string_view pattern, Flags flags) {
  absl::StatusOr<Regex> regex = Regex::Compile(pattern, flags, {.steps = 2'000'000});
  CLEANMAIL_CHECK(regex.ok(), base::Cat(pattern, ": ", regex.status().message()));
  return *std::move(regex);
}

}  // namespace cleanmail::regex
