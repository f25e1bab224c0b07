#include "libs/mail/mime/encoded_word.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

struct Case {
  const char* written;
  const char* meant;
};

// Most from RFC 2047 §8.
constexpr Case kCases[] = {
    {"plain", "plain"},
    {"=?ISO-8859-1?Q?a?=", "a"},
    {"=?ISO-8859-1?Q?a?= b", "a b"},
    {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
    {"=?ISO-8859-1?Q?a?=  \r\n =?ISO-8859-1?Q?b?=", "ab"},
    {"=?ISO-8859-1?Q?a_b?=", "a b"},
    {"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
    {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
    {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
    {"=?iso-8859-1*en?q?5_=80?=", "5 €"},
    {"=?utf-8?b?SsO=?= =?utf-8?b?tnJn?=", "Jörg"},
    {"=?utf-8?b?w7Y=?=x", "öx"},
    {"=?iso-8859-15?q?=A4?=", "€"},
    {"=?big5?b?pKQ=?=", "中"},
    {"=?x-none?b?pKQ=?=", "=?x-none?b?pKQ=?="},
    {"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
    {"=?utf-8?q?never ends", "=?utf-8?q?never ends"},
    {"=?", "=?"},
    {"=?utf-8?q", "=?utf-8?q"},
    {"=??q?x?=", "=??q?x?="},
    {"\xff raw", "\xef\xbf\xbd raw"},
    {"=?utf-8?q?=FF?=", "\xef\xbf\xbd"},
};

TEST(DecodeWords, ReadsTheExamplesOfRfc2047AndLeavesTheRest) {
  for (const Case& c : kCases) EXPECT_EQ(DecodeWords(c.written), c.meant) << c.written;
}

TEST(DecodeWords, IsLinearForManyHalfWords) {
  std::string hostile;
  for (int i = 0; i < 50000; ++i) hostile += "=?a?q?";
  EXPECT_EQ(DecodeWords(hostile).size(), hostile.size());
}

TEST(EncodeWords, GivesBackTheSameText) {
  const std::string texts[] = {"plain text",    "Jörg",
                               "=?utf-8?q?x?=", std::string(300, 'x') + "ö",
                               "a\r\nb",        "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€"};
  for (const std::string& text : texts) {
    const std::string encoded = EncodeWords(text);
    EXPECT_EQ(DecodeWords(encoded), text);
    for (size_t at = 0; at < encoded.size();) {
      const size_t end = std::min(encoded.find("\r\n", at), encoded.size());
      EXPECT_LE(end - at, 76u);
      at = end + 2;
    }
  }
}

TEST(Base64, RoundTripsAndSkipsForeignBytes) {
  for (const std::string& bytes : {std::string(), std::string("a"), std::string("ab"),
                                   std::string("abc"), std::string("\0\xff\x80", 3)}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
    EXPECT_EQ(DecodeBase64(EncodeBase64Lines(bytes)), bytes);
  }
  EXPECT_EQ(DecodeBase64("Y W\r\nJj!"), "abc");
}

TEST(QuotedPrintable, RoundTripsTextLines) {
  const std::string text = "long " + std::string(200, 'x') + " =\r\ntrailing \t\r\nö\r\n.\r\n";
  const std::string encoded = EncodeQuotedPrintable(text);
  EXPECT_EQ(DecodeQuotedPrintable(encoded), text);
  EXPECT_EQ(encoded.find("\r\n."), std::string::npos);
  EXPECT_EQ(DecodeQuotedPrintable("a=\r\nb=\nc=zz=4"), "abc=zz=4");
}

TEST(Charset, KnowsItsSetsInAnyCase) {
  EXPECT_EQ(ToUtf8("Latin1", "\xe9"), "é");
  EXPECT_EQ(ToUtf8("WINDOWS-1252", "\x81"), "\xef\xbf\xbd");
  EXPECT_EQ(ToUtf8("us-ascii", "\xe9"), "\xef\xbf\xbd");
  EXPECT_EQ(ToUtf8("no-such-set", "x"), std::nullopt);
}

}  // namespace
}  // namespace cleanmail::mail::mime
