#include "libs/mail/mime/parameters.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

std::string NameIn(std::string_view value) {
  const Parameters parsed = ParseParameters(value);
  const std::string* name = parsed.Find("filename");
  return name == nullptr ? "(none)" : *name;
}

TEST(ParametersTest, TheValueComesWithoutCommentsAndInLowerCase) {
  EXPECT_EQ(ParseParameters(" Text/PLAIN (plain text) ; charset=us-ascii").value, "text/plain");
  EXPECT_EQ(ParseParameters("multipart / mixed;boundary=x").value, "multipart/mixed");
  EXPECT_EQ(ParseParameters("").value, "");
}

TEST(ParametersTest, QuotedAndPlainValuesAreRead) {
  EXPECT_EQ(NameIn("attachment; filename=a.txt"), "a.txt");
  EXPECT_EQ(NameIn("attachment; FileName=\"a b;c.txt\"; x=y"), "a b;c.txt");
  EXPECT_EQ(NameIn("attachment; filename=\"quo\\\"te.txt\""), "quo\"te.txt");
  EXPECT_EQ(NameIn("attachment; filename=\"no end"), "no end");
  EXPECT_EQ(NameIn("attachment; (a comment; filename=no) filename=yes"), "yes");
  EXPECT_EQ(NameIn("attachment filename=x"), "x");
}

TEST(ParametersTest, SectionsAreJoinedAndDecoded) {
  // The examples of RFC 2231 §3, §4, §4.1.
  EXPECT_EQ(NameIn("x; filename*0=\"ftp://\"; filename*1=\"cs.utk.edu/pub\""),
            "ftp://cs.utk.edu/pub");
  EXPECT_EQ(NameIn("x; filename*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
            "This is ***fun***");
  EXPECT_EQ(NameIn("x; filename*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
                   " filename*1*=%2A%2A%2Afun%2A%2A%2A%20; filename*2=\"isn't it!\""),
            "This is even more ***fun*** isn't it!");
  EXPECT_EQ(NameIn("x; filename*1=b; filename*0=a"), "ab");
  EXPECT_EQ(NameIn("x; filename*=iso-8859-1''J%F6rg"), "J\xc3\xb6rg");
}

TEST(ParametersTest, EncodedWordsAreReadWhereTheyShouldNotStand) {
  EXPECT_EQ(NameIn("attachment; filename=\"=?utf-8?B?SsO2cmcucGRm?=\""), "J\xc3\xb6rg.pdf");
}

TEST(ParametersTest, TheExtendedFormWinsOverThePlainOne) {
  EXPECT_EQ(NameIn("x; filename=plain.txt; filename*=utf-8''ext.txt"), "ext.txt");
}

TEST(ParametersTest, HostileTextStaysBoundedAndWellFormed) {
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "; a=b";
  EXPECT_LE(ParseParameters("x" + many).list.size(), 100U);
  EXPECT_EQ(NameIn("x; filename=\"\xff\xfe.exe\""), "ÿþ.exe");
  EXPECT_EQ(NameIn("x; filename*=utf-8''%ff%2"), "\xef\xbf\xbd%2");
}

}  // namespace
}  // namespace cleanmail::mail::mime
