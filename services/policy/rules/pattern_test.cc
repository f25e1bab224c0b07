#include "services/policy/rules/pattern.h"

#include <gtest/gtest.h>

namespace cleanmail::policy {
namespace {

TEST(Globs, MatchTheWholeText) {
  const auto matches = [](std::string_view glob, std::string_view text) {
    return TextPattern::Glob(glob)->Matches(text);
  };
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*.exe", "setup.exe"));
  EXPECT_FALSE(matches("*.exe", "setup.exe.txt"));
  EXPECT_TRUE(matches("Invoice*", "invoice 12"));
  EXPECT_TRUE(matches("*pay*now*", "please pay right now!"));
  EXPECT_FALSE(matches("*pay*now*", "now pay"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_TRUE(matches("a.c", "a.c"));
  EXPECT_FALSE(matches("a.c?", "abcd")) << "a dot is a dot";
  EXPECT_TRUE(matches("*(1)?x", "a(1)bx")) << "nothing but * and ? is special";
  EXPECT_TRUE(matches("a*b*c", "a\nb\nc"));
}

TEST(Expressions, AreRefusedInWordsWhenTheyAreNone) {
  const auto wrong = TextPattern::Regex("(a");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(TextPattern::Regex("(?:(?:(?:a{1000}){1000}){1000})").ok()) << "too large a program";
  EXPECT_FALSE(TextPattern::Regex(std::string(501, 'a')).ok());
  EXPECT_TRUE(TextPattern::Regex("WIN(NER)?")->Matches("the winner is"));
}

TEST(Expressions, TakeLinearTimeWhateverTheyAre) {
  const auto hostile = TextPattern::Regex("(a+)+$");
  ASSERT_TRUE(hostile.ok());
  EXPECT_FALSE(hostile->Matches(std::string(100'000, 'a') + "b"));
}

TEST(AddressPatterns, AreAddressesDomainsOrBelow) {
  const auto matches = [](std::string_view pattern, std::string_view address) {
    return AddressPattern::Parse(pattern)->Matches(address, DomainOf(address));
  };
  EXPECT_TRUE(matches("Ann@Example.org", "ann@example.org"));
  EXPECT_FALSE(matches("ann@example.org", "joann@example.org"));
  EXPECT_TRUE(matches("example.org", "x@example.org"));
  EXPECT_FALSE(matches("example.org", "x@sub.example.org"));
  EXPECT_TRUE(matches("*.example.org", "x@sub.example.org"));
  EXPECT_FALSE(matches("*.example.org", "x@example.org"));
  EXPECT_FALSE(matches("*.example.org", "x@badexample.org"));
  EXPECT_TRUE(matches("*@example.org", "x@example.org"));
  EXPECT_TRUE(matches("<>", ""));
  EXPECT_FALSE(matches("<>", "x@example.org"));
  EXPECT_TRUE(matches("m\xc3\xbcller.example", "x@xn--mller-kva.example"));
  for (const char* wrong : {"", "a b@c.d", "..", "@", "a@"})
    EXPECT_FALSE(AddressPattern::Parse(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace cleanmail::policy
