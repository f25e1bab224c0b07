#include "libs/mail/mime/charset.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::mail::mime {
namespace {

TEST(CharsetTest, SetsAreReadUnderTheNamesMailsUse) {
  EXPECT_EQ(ToUtf8("KOI8-R", "\xf0\xf2"), "ПР");
  EXPECT_EQ(ToUtf8("windows-1251", "\xcf"), "П");
  EXPECT_EQ(ToUtf8("GB2312", "\xc4\xe3"), "你");
  EXPECT_EQ(ToUtf8("ks_c_5601-1987", "\xb0\xa1"), "가");
  EXPECT_EQ(ToUtf8("ISO-2022-JP", "\x1b$B$\"\x1b(B"), "あ");
  EXPECT_EQ(ToUtf8("x-sjis", "\x82\xa0"), "あ");
  EXPECT_EQ(ToUtf8("big5", "\xa4\xa4"), "中");
  EXPECT_EQ(ToUtf8("iso-8859-8-i", "\xe0"), "א");
  EXPECT_EQ(ToUtf8("iso-8859-1", "\x80"), "€");
  EXPECT_EQ(ToUtf8("utf-16le", std::string_view("a\0", 2)), "a");
  EXPECT_EQ(ToUtf8("no-such-set", "x"), std::nullopt);
  EXPECT_EQ(ToUtf8("../x", "x"), std::nullopt);
  EXPECT_EQ(ToUtf8("", "x"), std::nullopt);
}

TEST(CharsetTest, LongTextsAreReadWhole) {
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    bytes += "\x94\x39\xfc\x36\xc4\xe3x";  // a character beyond 16 bits in GB18030
    expected += "\xf0\x9f\x98\x80你x";
  }
  EXPECT_EQ(ToUtf8("gb18030", bytes), expected);
}

TEST(CharsetTest, AMissingOrUnknownSetIsGuessedAndSaid) {
  const DecodedText utf8 = DecodeText("", "J\xc3\xb6rg");
  EXPECT_EQ(utf8.utf8, "Jörg");
  EXPECT_TRUE(utf8.guessed);
  const DecodedText latin = DecodeText("x-unknown", "J\xf6rg");
  EXPECT_EQ(latin.utf8, "Jörg");
  EXPECT_TRUE(latin.unknown);
  const DecodedText ascii = DecodeText("us-ascii", "J\xf6rg");
  EXPECT_EQ(ascii.utf8, "Jörg");
  EXPECT_TRUE(ascii.malformed);
  const DecodedText plain = DecodeText("", "x");
  EXPECT_FALSE(plain.guessed);
}

TEST(CharsetTest, T_B4_Utf7IsReadAndMarked) {
  const DecodedText text = DecodeText("UTF-7", "+ADw-script+AD4-");
  EXPECT_EQ(text.utf8, "<script>");
  EXPECT_TRUE(text.utf7);
}

TEST(CharsetTest, T_B4_OverlongFormsAreMalformed) {
  const DecodedText text = DecodeText("utf-8", "\xc0\xae\xe0\x80\xaf");
  EXPECT_TRUE(text.malformed);
  EXPECT_EQ(text.utf8.find('.'), std::string::npos);
  EXPECT_EQ(text.utf8.find('/'), std::string::npos);
}

TEST(CharsetTest, AByteOrderMarkGoes) {
  EXPECT_EQ(DecodeText("utf-8", "\xef\xbb\xbfx").utf8, "x");
  EXPECT_EQ(DecodeText("", std::string_view("\xff\xfex\0", 4)).utf8, "x");
}

}  // namespace
}  // namespace cleanmail::mail::mime
