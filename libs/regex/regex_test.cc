#include "libs/regex/regex.h"

#include <chrono>

#include <gtest/gtest.h>

namespace cleanmail::regex {
namespace {

TEST(Regex, FindsWhatPerlFindsAndSaysWhere) {
  const Regex regex = CompiledIn("(\\d+) (apples|pears)", {.ignore_case = true});
  Match match;
  ASSERT_EQ(regex.Find("I sell 12 PEARS", 0, &match), Outcome::kMatch);
  EXPECT_EQ(match.Text("I sell 12 PEARS", 0), "12 PEARS");
  EXPECT_EQ(match.Text("I sell 12 PEARS", 2), "PEARS");
  EXPECT_FALSE(regex.Matches("I sell nothing"));
}

TEST(Regex, ReadsModifiers) {
  EXPECT_TRUE(CompiledIn("^b", {.multi_line = true}).Matches("a\nb"));
  EXPECT_FALSE(CompiledIn("a.b").Matches("a\nb"));
  EXPECT_TRUE(CompiledIn("a.b", {.dot_matches_all = true}).Matches("a\nb"));
  EXPECT_TRUE(CompiledIn("a b # not c", {.extended = true}).Matches("ab"));
}

TEST(Regex, TakesBytesBeyondAsciiAsBytes) {
  EXPECT_TRUE(CompiledIn("[\\xc3][\\xa9]").Matches("caf\xc3\xa9"));
  EXPECT_FALSE(CompiledIn("\\w$").Matches("caf\xc3\xa9"));
}

TEST(Regex, CountsMatchesEmptyOnesToo) {
  EXPECT_EQ(CompiledIn("a").Count("banana", 0).count, 3U);
  EXPECT_EQ(CompiledIn("a").Count("banana", 2).count, 2U);
  EXPECT_EQ(CompiledIn("x*").Count("ab", 0).count, 3U);
  EXPECT_FALSE(CompiledIn("a").Count("banana", 0).gave_up);
}

TEST(Regex, CountsWhatBeginsWithinAStretch) {
  const Regex pair = CompiledIn("a.");
  const Counted first = pair.Count("a1a2a3a4", 0, {.first = 1, .last = 4});
  EXPECT_EQ(first.count, 2U);
  EXPECT_EQ(first.end, 6U);
  EXPECT_EQ(pair.Count("a1a2a3a4", 0, {.first = first.end, .last = 7}).count, 1U);
  EXPECT_EQ(pair.Count("a1a2a3a4", 0, {.first = 9, .last = 20}).count, 0U);
}

TEST(Regex, SaysWhatIsWrongWithAPattern) {
  const auto regex = Regex::Compile("a(b");
  ASSERT_FALSE(regex.ok());
  EXPECT_NE(std::string(regex.status().message()).find("at byte 3"), std::string::npos);
}

TEST(Regex, GivesUpOnABombInBoundedTime) {
  const auto bomb = Regex::Compile("^(?:a|aa|aaa)+$", {}, {.steps = 100'000});
  ASSERT_TRUE(bomb.ok());
  const std::string text = std::string(5000, 'a') + "c";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(bomb->Find(text), Outcome::kGaveUp);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Regex, DeepRecursionEndsWithoutACrash) {
  const auto deep = Regex::Compile("^(?:(a)|b)*c$");
  ASSERT_TRUE(deep.ok());
  EXPECT_NE(deep->Find(std::string(1'000'000, 'a')), Outcome::kMatch);
}

TEST(Regex, CompilesPatternsOfMoreThan64KiBOfCode) {
  std::string pattern = "x";
  for (int i = 0; i < 4000; ++i) pattern += "(?:[ab" + std::to_string(i) + "]|c)?";
  const auto regex = Regex::Compile(pattern + "y");
  ASSERT_TRUE(regex.ok()) << regex.status();
  EXPECT_TRUE(regex->Matches("...xabcy"));
  EXPECT_FALSE(regex->Matches("...xzy"));
}

TEST(Regex, FindsWithinAStretch) {
  const Regex regex = CompiledIn("(?<=x)ab+");
  const std::string_view text = "xab xabb";
  EXPECT_EQ(regex.FindWithin(text, {.first = 0, .last = 1}), Outcome::kMatch);
  EXPECT_EQ(regex.FindWithin(text, {.first = 2, .last = 4}), Outcome::kNoMatch);
  EXPECT_EQ(regex.FindWithin(text, {.first = 5, .last = 5}), Outcome::kMatch);
  EXPECT_EQ(regex.FindWithin(text, {.first = 2}), Outcome::kMatch);
  EXPECT_EQ(regex.FindWithin(text, {.first = 9}), Outcome::kNoMatch);
  EXPECT_TRUE(regex.Matches(text));  // the bound is not kept
}

}  // namespace
}  // namespace cleanmail::regex
