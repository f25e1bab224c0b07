#include "libs/regex/prefilter.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

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

// A folder of its own, and what is in it.
std::string CacheOf(const std::string& name) {
  std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

std::vector<std::filesystem::path> FilesIn(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  return files;
}

std::vector<unsigned> Candidates(const std::vector<Regex>& regexes, const std::string& cache,
                                 std::string_view text) {
  std::vector<Prefilter::Pattern> patterns;
  for (unsigned i = 0; i < regexes.size(); ++i) patterns.push_back({&regexes[i], i + 7});
  const auto prefilter = *Prefilter::Build(patterns, cache);
  std::vector<unsigned> candidates;
  prefilter->Scan(text, candidates);
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

TEST(Prefilter, WhatWasCompiledIsKeptAndTakenAgain) {
  const std::string cache = CacheOf("kept");
  std::vector<Regex> regexes;
  for (int i = 0; i < 300; ++i) regexes.push_back(CompiledIn("word" + std::to_string(i) + "end"));
  const std::vector<unsigned> first = Candidates(regexes, cache, "word7end word299end");
  EXPECT_EQ(first, (std::vector<unsigned>{14, 306}));
  ASSERT_EQ(FilesIn(cache).size(), 1U);
  EXPECT_EQ(Candidates(regexes, cache, "word7end word299end"), first);
  EXPECT_EQ(FilesIn(cache).size(), 1U);
}

TEST(Prefilter, OtherPatternsAreKeptApart) {
  const std::string cache = CacheOf("apart");
  std::vector<Regex> regexes;
  regexes.push_back(CompiledIn("one"));
  EXPECT_EQ(Candidates(regexes, cache, "one").size(), 1U);
  regexes[0] = CompiledIn("two");
  EXPECT_EQ(Candidates(regexes, cache, "one").size(), 0U);
  EXPECT_EQ(FilesIn(cache).size(), 2U);
}

TEST(Prefilter, ADamagedFileIsCompiledAnew) {
  const std::string cache = CacheOf("damaged");
  std::vector<Regex> regexes;
  for (const char* pattern : {"alpha", "beta", "gamma"}) regexes.push_back(CompiledIn(pattern));
  Candidates(regexes, cache, "");
  const std::filesystem::path file = FilesIn(cache).at(0);
  std::ifstream in(file, std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  for (const size_t length : {size_t{0}, size_t{5}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
    EXPECT_EQ(Candidates(regexes, cache, "beta"), std::vector<unsigned>{8}) << length;
    EXPECT_EQ(std::filesystem::file_size(file), whole.size());
  }
  std::string turned = whole;
  turned[whole.size() - 100] ^= 1;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << turned;
  EXPECT_EQ(Candidates(regexes, cache, "beta"), std::vector<unsigned>{8});
}

TEST(Prefilter, ACacheThatCannotBeWrittenCostsNothingButTime) {
  std::vector<Regex> regexes;
  regexes.push_back(CompiledIn("one"));
  EXPECT_EQ(Candidates(regexes, "/proc/no/such/folder", "one").size(), 1U);
}

}  // namespace
}  // namespace cleanmail::regex
