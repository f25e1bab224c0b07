#include "libs/regex/prefilter.h"

#include <algorithm>
#include <deque>
#include <string>

#include <gtest/gtest.h>

namespace cleanmail::regex {
namespace {

// Patterns known by their places in the list.
class Patterns {
 public:
  explicit Patterns(std::vector<const char*> patterns, Flags flags = {}) {
    std::vector<Prefilter::Pattern> numbered;
    for (const char* pattern : patterns) {
      regexes_.push_back(CompiledIn(pattern, flags));
      numbered.push_back({&regexes_.back(), static_cast<unsigned>(numbered.size())});
    }
    prefilter_ = Prefilter(numbered);
  }

  std::vector<Prefilter::Candidate> Candidates(std::string_view text) const {
    std::vector<Prefilter::Candidate> candidates;
    prefilter_.Scan(text, candidates);
    return candidates;
  }
  std::vector<unsigned> Named(std::string_view text) const {
    std::vector<unsigned> named;
    for (const auto& [id, begin] : Candidates(text)) {
      if (named.empty() || named.back() != id) named.push_back(id);
    }
    return named;
  }
  // Every pattern that matches is named with where it does, or not filtered at all.
  void ExpectComplete(std::string_view text) const {
    const std::vector<Prefilter::Candidate> candidates = Candidates(text);
    const std::vector<unsigned>& rest = prefilter_.unfiltered();
    for (unsigned i = 0; i < regexes_.size(); ++i) {
      if (!regexes_[i].Matches(text)) continue;
      const bool found = std::any_of(candidates.begin(), candidates.end(), [&](const auto& one) {
        return one.id == i && regexes_[i].FindWithin(text, one.begin) == Outcome::kMatch;
      });
      EXPECT_TRUE(found || std::find(rest.begin(), rest.end(), i) != rest.end())
          << regexes_[i].pattern() << " in '" << text << "'";
    }
  }
  const Prefilter& prefilter() const { return prefilter_; }

 private:
  std::deque<Regex> regexes_;
  Prefilter prefilter_;
};

TEST(Prefilter, NamesEveryPatternThatMatches) {
  const Patterns patterns(
      {"viagra", "^hello", "\\bfoo.{3,900}bar\\b", "(a)\\1b", "(?<!not )cheap", "x*", "[{]5,6}",
       "(?:ab){7,9}c", "(?:one|two|three) wishes?", "a[bc]?d+e{2}f", "[^a-z]7\\d{3}",
       "(?i:Q)z|[[:punct:]]{3}", "caf\\xc3\\xa9", "\\x{24}\\d", "\\Qa.b\\E", "k(?#no)k", "end$"},
      {.ignore_case = true});
  for (const char* text : {"Hello VIAGRA",
                           "foo and then bar",
                           "aab",
                           "very cheap",
                           "not cheap",
                           "",
                           "{5,6}",
                           "ababababababababc",
                           "plain",
                           "three wish",
                           "ABddeeF",
                           "adeef",
                           "-7123",
                           "qz",
                           "?!.",
                           "caf\xc3\xa9",
                           "$5",
                           "a.b",
                           "kk",
                           "the end",
                           "7",
                           "zq"})
    patterns.ExpectComplete(text);
}

TEST(Prefilter, LeavesMostPatternsOut) {
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("word" + std::to_string(i) + "end");
  std::vector<const char*> patterns;
  for (const std::string& text : texts) patterns.push_back(text.c_str());
  EXPECT_EQ(Patterns(patterns).Named("here is word7end alone"), std::vector<unsigned>{7});
}

TEST(Prefilter, NamesAPatternOnce) {
  const Patterns patterns({"(?:spam|junk|offer)s"});
  EXPECT_EQ(patterns.Named("spams, junks and offers, spams"), std::vector<unsigned>{0});
}

TEST(Prefilter, SaysWhereAMatchMayBegin) {
  const Patterns patterns({"\\bbuy (?:now|this) .{0,5}viagra"});
  const std::string text = std::string(100, '.') + "buy this and viagra, viagra";
  const std::vector<Prefilter::Candidate> candidates = patterns.Candidates(text);
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_LE(candidates[0].begin.first, 100U);
  EXPECT_GE(candidates[0].begin.last, 100U);
  EXPECT_GT(candidates[0].begin.first, 80U);
  EXPECT_LT(candidates[0].begin.last, 120U);
}

TEST(Prefilter, WhereAnEssenceLeavesOpenWhereAMatchBeginsItsFirstBytesSayIt) {
  const Patterns patterns({"[xz]q[^!]{0,200}viagra", "(?:^|\\W)[jk]q.{0,90}!end"});
  const std::string dots(150, '.');
  const std::string text = dots + "xq" + dots + "viagra";
  const std::vector<Prefilter::Candidate> candidates = patterns.Candidates(text);
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_EQ(candidates[0].begin.first, 150U);
  EXPECT_EQ(candidates[0].begin.last, 150U);
  EXPECT_TRUE(patterns.Named(dots + "xp" + dots + "viagra").empty());
  patterns.ExpectComplete("xqxqviagra");
  patterns.ExpectComplete("kq" + dots.substr(0, 90) + "!end");
  patterns.ExpectComplete("xq, kq;kq" + dots.substr(0, 60) + "!endviagra");
}

TEST(Prefilter, AMatchMayBeginInThousandsOfWays) {
  std::string pattern;
  for (int way = 0; way < 10; ++way) {
    pattern += way == 0 ? "(?:" : "|(?:";
    for (int word = 0; word < 150; ++word)
      pattern += std::string(word == 0 ? "" : "|") + "w" + std::to_string(1000 * way + word) + "x";
    pattern += ").{0,90}z9z9" + std::to_string(way);
  }
  const Patterns patterns({pattern.c_str()});
  ASSERT_TRUE(patterns.prefilter().unfiltered().empty());
  patterns.ExpectComplete("a w9149x and z9z99");
  patterns.ExpectComplete("w0xz9z90");
  EXPECT_TRUE(patterns.Named("w9149x and nothing").empty());
}

TEST(Prefilter, ATextFullOfWindowsTakesNoMoreMemoryThanOthers) {
  const Patterns patterns({"qz.{0,20}!end", "(?:qz {0,30}){3}!end", "\\x00"});
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "qz                   ";  // too far apart to be one
  EXPECT_LE(patterns.Candidates(text).size(), 2U << 16U);
  patterns.ExpectComplete(text);
  patterns.ExpectComplete(text + "qz qz qz!end");
  EXPECT_EQ(patterns.Candidates(std::string(1'000'000, '\0')).size(), 1U);
  const Patterns open({"[xz]q[^!]*viagra"});
  std::string begins;
  for (int i = 0; i < 200'000; ++i) begins += "xq                   ";
  EXPECT_LE(open.Candidates(begins + "viagra").size(), 2U << 16U);
  open.ExpectComplete(begins + "viagra");
}

TEST(Prefilter, WhatIsWantedSeveralTimesLiesTogether) {
  const Patterns patterns({"(?:(?:qixot|zebra|jumbo)[ ,]{1,3}){3}"});
  EXPECT_FALSE(patterns.Named("qixot, zebra, jumbo, ").empty());
  EXPECT_TRUE(patterns.Named("qixot, zebra, and then a jumbo, ").empty());
  patterns.ExpectComplete("qixot qixot, zebra    jumbo, zebra, qixot ");
}

TEST(Prefilter, APatternWithoutAnythingRareIsNotFiltered) {
  const Patterns patterns({"e", "\\S", "viagra", ".*", "(?R)?x"});
  EXPECT_EQ(patterns.prefilter().unfiltered(), (std::vector<unsigned>{0, 1, 3, 4}));
}

TEST(Prefilter, WhatIsRepeatedIsWantedAsOften) {
  const Patterns patterns({"(?:(?:name|phone|account)\\W+){3}"});
  EXPECT_TRUE(patterns.Named("your name and your account").empty());
  EXPECT_FALSE(patterns.Named("name: account: phone:").empty());
  patterns.ExpectComplete("name name name ");
  EXPECT_TRUE(patterns.Named("accountaccoun").empty());  // what overlaps counts once
}

TEST(Prefilter, NothingIsLeftOutOfTextInAnotherAlphabet) {
  std::string pattern =
      "\\s(?:[a\\xe0]|\\xd0[\\xb0-\\xbf])(?:[m]|\\xd0\\xbc)(?:[z2]|\\xd0\\xb7)\\s";
  const Patterns patterns({pattern.c_str(), "viagra"});
  std::string text;
  for (int i = 0; i < 200; ++i) text += "\xd0\xb0\xd0\xbc\xd0\xb7\xd0\xb0";
  patterns.ExpectComplete(text);
  patterns.ExpectComplete(text + " \xd0\xb0m\xd0\xb7 viagra");
}

TEST(Prefilter, PatternsOfThingsThatMayBeMissingAreReadInBoundedTime) {
  std::string optional = "z";
  for (int i = 0; i < 3000; ++i) optional += "a?b*";
  optional += "(?:c?d?e?f?){999}(?:(?:g?){900}h?){900}viagra";
  const Patterns patterns({optional.c_str(), "(?:x?y?){2,5}q7q7q7"});
  patterns.ExpectComplete("zviagra");
  patterns.ExpectComplete("xyyyxq7q7q7");
}

TEST(Prefilter, AWindowBesideTheEndOfTheTextIsFound) {
  const Patterns patterns({"[0-9]Q", "~"});
  for (const char* text : {"7Q", "~", "x7Q", "7Qx", "7"}) patterns.ExpectComplete(text);
  EXPECT_FALSE(patterns.Named("7Q").empty());
}

}  // namespace
}  // namespace cleanmail::regex
