#include "services/scanner/learning/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::scanner::learning {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Read(std::string_view text, size_t most = 1000) {
  const Words words = WordsOf(text, most);
  std::vector<std::string> read;
  for (const Words::Word& word : words.list) read.emplace_back(words.At(word));
  return read;
}

TEST(Words, AreInLowerCaseWithoutMarks) {
  EXPECT_THAT(Read("Hello, World. It's e-mail; ÄRGER und Привет"),
              ElementsAre("hello", "world", "its", "e", "mail", "ärger", "und", "привет"));
  EXPECT_THAT(Read(""), IsEmpty());
}

TEST(Words, NumbersCountByTheirLength) {
  EXPECT_THAT(Read("pay 1,000.00 or 17 by 4pm"), ElementsAre("pay", "#6", "or", "#2", "by", "4pm"));
}

TEST(Words, MarksThatSpeakAreWords) {
  EXPECT_THAT(Read("Win $500!!"), ElementsAre("win", "$", "#3", "!", "!"));
}

TEST(Words, WritingWithoutBlanksComesInPairs) {
  EXPECT_THAT(Read("免费发票 ok"), ElementsAre("免费", "费发", "发票", "ok"));
}

TEST(Words, T_B4_WhatNobodySeesSplitsNoWord) {
  EXPECT_THAT(Read("vi\xE2\x80\x8B"
                   "ag\xC2\xADra"),
              ElementsAre("viagra"));
  EXPECT_THAT(Read("ｖｉａｇｒａ"), ElementsAre("viagra"));
}

TEST(Words, LinksAreHostsAndNoWords) {
  const Words words = WordsOf("see https://Pills.Example/buy?a=b now http://[::1]/ h://x", 100);
  EXPECT_THAT(words.hosts, ElementsAre("Pills.Example", ""));
  EXPECT_THAT(Read("see https://Pills.Example/buy?a=b now"), ElementsAre("see", "now"));
}

TEST(Words, LongOnesAreCut) { EXPECT_THAT(Read(std::string(100, 'a')), ElementsAre("aaaaaa…9")); }

TEST(Words, AreAtMostSoMany) { EXPECT_THAT(Read("a b c d e f", 3), SizeIs(3)); }

TEST(Words, FollowEachOtherWithinASentence) {
  const Words words = WordsOf("buy now. later", 10);
  ASSERT_THAT(words.list, SizeIs(3));
  EXPECT_FALSE(words.list[0].follows);
  EXPECT_TRUE(words.list[1].follows);
  EXPECT_FALSE(words.list[2].follows);
}

TEST(Words, HostileBytesAreRead) {
  EXPECT_THAT(Read("\xFF\xFE ok \xE2\x82"), ElementsAre("ok"));
  EXPECT_THAT(Read(std::string(1'000'000, '\xC3')), IsEmpty());
}

}  // namespace
}  // namespace cleanmail::scanner::learning
