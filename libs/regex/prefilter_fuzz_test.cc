// A pattern, a line feed, a text: what matches is named, and where it does.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "libs/regex/prefilter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::regex;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\n'), input.size());
  const std::string_view pattern = input.substr(0, end);
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  for (const Flags flags :
       {Flags{}, Flags{.ignore_case = true, .dot_matches_all = true}, Flags{.extended = true}}) {
    const auto regex = Regex::Compile(pattern, flags, {.steps = 10'000});
    if (!regex.ok()) continue;
    const Prefilter prefilter({{&*regex, 1}});
    if (!prefilter.unfiltered().empty()) continue;
    std::vector<Prefilter::Candidate> candidates;
    prefilter.Scan(text, candidates);
    const bool found = std::any_of(candidates.begin(), candidates.end(), [&](const auto& one) {
      return regex->FindWithin(text, one.begin) != Outcome::kNoMatch;
    });
    if (!found && regex->Matches(text)) std::abort();
  }
  return 0;
}
