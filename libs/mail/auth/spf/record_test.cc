#include "libs/mail/auth/spf/record.h"

#include <gtest/gtest.h>

#include "libs/mail/auth/spf/macros.h"

namespace cleanmail::mail::auth::spf {
namespace {

TEST(Record, KeepsItsDirectivesInOrder) {
  const auto record =
      ParseRecord("v=spf1  ip4:192.0.2.0/24 ~a:mail.%{d}/28//64 MX -all exp=e.%{d}");
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_EQ(record->directives.size(), 4u);
  EXPECT_EQ(record->directives[0].prefix4, 24);
  EXPECT_EQ(record->directives[1].qualifier, '~');
  EXPECT_EQ(record->directives[1].domain, "mail.%{d}");
  EXPECT_EQ(record->directives[1].prefix4, 28);
  EXPECT_EQ(record->directives[1].prefix6, 64);
  EXPECT_EQ(record->directives[2].kind, Kind::kMx);
  EXPECT_EQ(record->explanation, "e.%{d}");
}

TEST(Record, ASlashWithinAMacroIsNoPrefixLength) {
  const auto record = ParseRecord("v=spf1 a:foo.%{d1r/}/24");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->directives[0].domain, "foo.%{d1r/}");
  EXPECT_EQ(record->directives[0].prefix4, 24);
}

TEST(Record, AnyErrorSpoilsAllOfIt) {
  for (const char* bad : {"v=spf1 -all moo",
                          "v=spf1 all:x",
                          "v=spf1 include",
                          "v=spf1 a:",
                          "v=spf1 a/33",
                          "v=spf1 a/024",
                          "v=spf1 a//129",
                          "v=spf1 ip4:1.2.3",
                          "v=spf1 ip4:::1",
                          "v=spf1 ip6:1.2.3.4",
                          "v=spf1 exists:%{t}.org",
                          "v=spf1 a:%{d0}.org",
                          "v=spf1 a:x%",
                          "v=spf1 redirect=a.b redirect=a.b",
                          "v=spf1 a:example.com:8080",
                          "v=spf1 a:example.111",
                          "v=spf1 \ta",
                          "v=spf1 a:\xC3\xA4.org",
                          "v=spf1 x=%{",
                          "v=spf1 mx/",
                          "v=spf1 ip6:::ffff:1.2.3.4/90"})
    EXPECT_FALSE(ParseRecord(bad).ok()) << bad;
}

TEST(Record, T_C6_WordsAboutAnErrorStayShortAndPrintable) {
  const auto record = ParseRecord("v=spf1 \x1b[2J" + std::string(60000, 'a'));
  ASSERT_FALSE(record.ok());
  EXPECT_LT(record.status().message().size(), 200u);
  EXPECT_EQ(record.status().message().find('\x1b'), std::string::npos);
}

TEST(Macros, ExpandAsInTheRfc) {  // RFC 7208 §7.4
  const MacroValues values{.sender = "strong-bad@email.example.com",
                           .domain = "email.example.com",
                           .client = *Address::Parse("192.0.2.3")};
  const std::pair<const char*, const char*> rows[] = {
      {"%{s}", "strong-bad@email.example.com"},
      {"%{d4}", "email.example.com"},
      {"%{d2}", "example.com"},
      {"%{dr}", "com.example.email"},
      {"%{d2r}", "example.email"},
      {"%{l-}", "strong.bad"},
      {"%{lr-}", "bad.strong"},
      {"%{l1r-}", "strong"},
      {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
      {"%{S}%%%_%-", "strong-bad%40email.example.com% %20"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(Expand(text, values), expected);
}

TEST(Macros, ANameThatIsTooLongLosesLabelsOnTheLeft) {
  const MacroValues values{.sender = std::string(60, 'l') + "@x.org", .domain = "x.org"};
  const std::string name = ExpandDomain("%{l}.%{l}.%{l}.%{l}.%{l}.%{d}", values);
  EXPECT_LE(name.size(), 253u);
  EXPECT_TRUE(name.ends_with(".x.org"));
}

}  // namespace
}  // namespace cleanmail::mail::auth::spf
