#include "libs/mail/mime/normalize.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

TEST(NormalizeTest, T_B4_CharactersThatAreNotSeenGoAndAreCounted) {
  const NormalText text = Normalize("Pay\xe2\x80\x8bPal v\xc2\xadiagra \xe2\x80\x8cx");
  EXPECT_EQ(text.text, "PayPal viagra x");
  EXPECT_EQ(text.invisible, 3U);
  EXPECT_EQ(text.invisible_in_words, 2U);
  // A joiner where the script needs it hides nothing.
  EXPECT_EQ(Normalize("می\xe2\x80\x8cخواهم").invisible_in_words, 0U);
}

TEST(NormalizeTest, T_B4_DirectionTricksAreCounted) {
  const NormalText text = Normalize(
      "invoice\xe2\x80\xae"
      "cod.exe");
  EXPECT_EQ(text.text, "invoicecod.exe");
  EXPECT_EQ(text.bidi_overrides, 1U);
  EXPECT_EQ(Normalize("שלום\xe2\x80\x8f!").bidi, 0U);
}

TEST(NormalizeTest, T_B4_OtherFormsOfLettersAreFolded) {
  const NormalText text = Normalize("ｆｒｅｅ 𝐦𝐨𝐧𝐞𝐲 ①");
  EXPECT_EQ(text.text, "free money 1");
  EXPECT_GE(text.folded, 9U);
  EXPECT_EQ(Normalize("plain").folded, 0U);
  EXPECT_EQ(Normalize("\xff").text, "\xef\xbf\xbd");
}

TEST(NormalizeTest, MarksJoinThePlainLetterBeforeThem) {
  EXPECT_EQ(Normalize("cafe\u0301 au lait").text, "caf\u00e9 au lait");
  EXPECT_EQ(Normalize("cafe\u200b\u0301").text, "caf\u00e9");
  EXPECT_EQ(Normalize("o\u0323\u0302o\u0302\u0323").text, "\u1ed9\u1ed9");
  EXPECT_EQ(Normalize("\u0301x").text, "\u0301x");
  EXPECT_EQ(Normalize("\u1112\u1161\u11abx\u1112\u1161").text, "\ud55cx\ud558");
  EXPECT_EQ(Normalize("a\xe2\x82z\xf0").text, "a\ufffdz\ufffd");
  EXPECT_EQ(Normalize("").text, "");
}

TEST(NormalizeTest, T_B4_HiddenCharactersAreCountedBetweenRunsOfPlainLetters) {
  const NormalText text = Normalize("he\u200bllo wor\u200b\u200cld\u200b 1\u200b2");
  EXPECT_EQ(text.text, "hello world 12");
  EXPECT_EQ(text.invisible, 5U);
  EXPECT_EQ(text.invisible_in_words, 3U);
}

TEST(NormalizeTest, T_B4_WhatLooksAlikeHasOneSkeleton) {
  EXPECT_EQ(Skeleton("pаypаl"), Skeleton("paypal"));
  EXPECT_EQ(Skeleton("ΡayPal"), Skeleton("PayPal"));
  EXPECT_NE(Skeleton("paypal"), Skeleton("example"));
  EXPECT_TRUE(MixesScripts("pаypal"));
  EXPECT_FALSE(MixesScripts("Jörg"));
  EXPECT_FALSE(MixesScripts("東京タワーabc"));
}

}  // namespace
}  // namespace cleanmail::mail::mime
