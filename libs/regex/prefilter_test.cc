#include "libs/regex/prefilter.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace cleanmail::regex {
namespace {

TEST(Prefilter, NamesEveryPatternThatMatches) {
  std::vector<Regex> regexes;
  for (const char* pattern : {"viagra", "^hello", "\\bfoo.{3,900}bar\\b", "(a)\\1b",
                              "(?<!not )cheap", "x*", "[{]5,6}", "(?:ab){7,9}c"})
    regexes.push_back(CompiledIn(pattern, {.ignore_case = true}));
  std::vector<Prefilter::Pattern> patterns;
  for (unsigned i = 0; i < regexes.size(); ++i) patterns.push_back({&regexes[i], i});
  const auto prefilter = Prefilter::Build(patterns);
  ASSERT_TRUE(prefilter.ok());
  for (const char* text : {"Hello VIAGRA", "foo and then bar", "aab", "very cheap", "not cheap", "",
                           "{5,6}", "ababababababababc", "plain"}) {
    std::vector<unsigned> candidates = (*prefilter)->unfiltered();
    (*prefilter)->Scan(text, candidates);
    for (unsigned i = 0; i < regexes.size(); ++i) {
      if (!regexes[i].Matches(text)) continue;
      EXPECT_NE(std::find(candidates.begin(), candidates.end(), i), candidates.end())
          << regexes[i].pattern() << " in '" << text << "'";
    }
  }
}

TEST(Prefilter, LeavesMostPatternsOut) {
  std::vector<Regex> regexes;
  for (int i = 0; i < 500; ++i) regexes.push_back(CompiledIn("word" + std::to_string(i) + "end"));
  std::vector<Prefilter::Pattern> patterns;
  for (unsigned i = 0; i < regexes.size(); ++i) patterns.push_back({&regexes[i], i});
  const auto prefilter = Prefilter::Build(patterns);
  ASSERT_TRUE(prefilter.ok());
  std::vector<unsigned> candidates;
  (*prefilter)->Scan("here is word7end alone", candidates);
  EXPECT_EQ(candidates, std::vector<unsigned>{7});
}

}  // namespace
}  // namespace cleanmail::regex
