#include "libs/regex/perl_literal.h"

#include <gtest/gtest.h>

namespace cleanmail::regex {
namespace {

TEST(PerlLiteral, IsReadWithAnyDelimiters) {
  for (const char* text : {"/a{2}b/i", "m{a{2}b}i", "m!a{2}b!i", "qr(a{2}b)i", "m<a{2}b>i"}) {
    const auto literal = ParsePerlLiteral(text);
    ASSERT_TRUE(literal.ok()) << text;
    EXPECT_EQ(literal->pattern, "a{2}b") << text;
    EXPECT_TRUE(literal->flags.ignore_case) << text;
    EXPECT_FALSE(literal->flags.multi_line) << text;
  }
}

TEST(PerlLiteral, KeepsEscapedDelimiters) {
  const auto literal = ParsePerlLiteral("/a\\/b/msx");
  ASSERT_TRUE(literal.ok());
  EXPECT_EQ(literal->pattern, "a\\/b");
  EXPECT_TRUE(literal->flags.multi_line && literal->flags.dot_matches_all &&
              literal->flags.extended);
}

TEST(PerlLiteral, RefusesWhatIsNone) {
  for (const char* text :
       {"", "a", "/a", "/a/b/", "m", "ma", "/a/q", "/(?{ code })/", "m\\a\\", "mxax"})
    EXPECT_FALSE(ParsePerlLiteral(text).ok()) << text;
}

}  // namespace
}  // namespace cleanmail::regex
