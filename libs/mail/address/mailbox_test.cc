#include "libs/mail/address/mailbox.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/mail/address/domain.h"

namespace cleanmail::mail::address {
namespace {

using namespace std::string_literals;

TEST(ParsePath, ReadsThePathAndLeavesTheParameters) {
  const auto path = ParsePath("<Joe@Example.ORG> SIZE=5", {});
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(path->mailbox, (Mailbox{"Joe", "example.org"}));
  EXPECT_EQ(path->length, 17u);
}

TEST(ParsePath, TakesTheNullPathOnlyWhereAllowed) {
  EXPECT_TRUE(ParsePath("<>", {.null_allowed = true})->mailbox.is_null());
  EXPECT_FALSE(ParsePath("<>", {}).ok());
}

TEST(ParsePath, TakesBarePostmasterInAnyCaseOnlyWhereAllowed) {
  EXPECT_TRUE(
      ParsePath("<pOstMaster>", {.postmaster_allowed = true})->mailbox.is_bare_postmaster());
  EXPECT_FALSE(ParsePath("<Postmaster>", {}).ok());
  EXPECT_FALSE(ParsePath("<joe>", {.postmaster_allowed = true}).ok());
}

TEST(ParsePath, T_A5_DropsSourceRoutes) {
  EXPECT_EQ(ParsePath("<@a.example,@b.example:joe@c.example>", {})->mailbox,
            (Mailbox{"joe", "c.example"}));
  EXPECT_FALSE(ParsePath("<@a.example,b.example:joe@c.example>", {}).ok());
  EXPECT_FALSE(ParsePath("<@a.example>", {}).ok());
  EXPECT_FALSE(ParsePath("<@:joe@c.example>", {}).ok());
}

TEST(ParsePath, T_A5_QuotedLocalPartsAreUnquoted) {
  EXPECT_EQ(ParsePath(R"(<"j \"x\" doe@home"@a.example>)", {})->mailbox.local, R"(j "x" doe@home)");
  EXPECT_EQ(ParsePath(R"(<"joe"@a.example>)", {})->mailbox,
            ParsePath("<joe@a.example>", {})->mailbox);
  EXPECT_FALSE(ParsePath(R"(<"joe@a.example>)", {}).ok());
  EXPECT_FALSE(ParsePath(R"(<""@a.example>)", {}).ok());
  EXPECT_FALSE(ParsePath(R"(<"joe\)", {}).ok());
}

TEST(ParsePath, T_A5_PercentBangAndPipeArePlainCharacters) {
  EXPECT_EQ(ParsePath("<joe%evil.example@a.example>", {})->mailbox,
            (Mailbox{"joe%evil.example", "a.example"}));
  EXPECT_EQ(ParsePath("<evil.example!joe@a.example>", {})->mailbox.domain, "a.example");
  EXPECT_EQ(ParsePath("<|id@a.example>", {})->mailbox.local, "|id");
}

TEST(ParsePath, T_A5_RefusesControlCharactersEverywhere) {
  for (const std::string& text :
       {"<a\nb@a.example>"s, "<a\0b@a.example>"s, "<a\rb@a.example>"s, "<\"a\nb\"@a.example>"s,
        "<\"a\\\0b\"@a.example>"s, "<a@b\n.example>"s, "<a@b\0.example>"s, "<a@[127.0.0.1\0]>"s,
        "<a\x7f@a.example>"s, "<\"a\tb\"@a.example>"s}) {
    EXPECT_FALSE(ParsePath(text, {.smtp_utf8 = true}).ok()) << text;
  }
}

TEST(ParsePath, T_A5_RefusesWhatIsNoAddress) {
  for (const char* text : {"",
                           "<",
                           "<>",
                           "joe@a.example",
                           "<joe@a.example",
                           "<joe@>",
                           "<@a.example>",
                           "<joe@a..example>",
                           "<joe@.example>",
                           "<joe@a.example.>",
                           "<.joe@a.example>",
                           "<joe.@a.example>",
                           "<j..oe@a.example>",
                           "<joe doe@a.example>",
                           "<joe@-a.example>",
                           "<joe@a-.example>",
                           "<joe@a.example@b.example>",
                           "<joe@[1.2.3]>",
                           "<joe@[IPv6:zz]>",
                           "<joe@[x:1]>",
                           "<joe@a;b>",
                           "<joe@a(b)>",
                           "<(x)joe@a.example>"}) {
    EXPECT_FALSE(ParsePath(text, {.smtp_utf8 = true}).ok()) << text;
  }
}

TEST(ParsePath, T_A5_HoldsTheLimitsOfRfc5321) {
  const std::string local64(64, 'a');
  EXPECT_TRUE(ParsePath("<" + local64 + "@a.example>", {}).ok());
  EXPECT_FALSE(ParsePath("<" + local64 + "a@a.example>", {}).ok());
  std::string domain = std::string(63, 'b');
  EXPECT_TRUE(ParsePath("<j@" + domain + ".example>", {}).ok());
  EXPECT_FALSE(ParsePath("<j@b" + domain + ".example>", {}).ok());
  for (int i = 0; i < 3; ++i) domain += "." + std::string(63, 'b');
  EXPECT_FALSE(ParsePath("<j@" + domain + ">", {}).ok());
  EXPECT_FALSE(ParsePath("<" + std::string(100000, 'a') + "@a.example>", {}).ok());
  EXPECT_FALSE(ParsePath("<" + local64 + "@" + domain.substr(0, 200) + ">", {}).ok())
      << "256 octets in all";
}

TEST(ParsePath, T_A5_EightBitOnlyWithSmtpUtf8AndOnlyUtf8) {
  EXPECT_FALSE(ParsePath("<jörg@a.example>", {}).ok());
  EXPECT_EQ(ParsePath("<jörg@a.example>", {.smtp_utf8 = true})->mailbox.local, "jörg");
  EXPECT_TRUE(ParsePath("<jörg@a.example>", {.smtp_utf8 = true})->mailbox.needs_utf8());
  EXPECT_FALSE(ParsePath("<j\xf6rg@a.example>", {.smtp_utf8 = true}).ok()) << "Latin-1";
  EXPECT_FALSE(ParsePath("<j\xc0\xafg@a.example>", {.smtp_utf8 = true}).ok()) << "overlong";
  EXPECT_FALSE(ParsePath("<j\xc2\x85g@a.example>", {.smtp_utf8 = true}).ok()) << "C1 control";
}

TEST(ParsePath, T_A5_InternationalDomainsBecomeALabels) {
  EXPECT_EQ(ParsePath("<joe@BÜCHER.example>", {.smtp_utf8 = true})->mailbox.domain,
            "xn--bcher-kva.example");
  EXPECT_FALSE(ParsePath("<joe@bücher.example>", {}).ok());
  EXPECT_FALSE(ParsePath("<joe@a\u2024b.example>", {.smtp_utf8 = true}).ok())
      << "one-dot leader is no dot";
}

TEST(ParsePath, NormalisesAddressLiterals) {
  EXPECT_EQ(ParsePath("<joe@[192.0.2.1]>", {})->mailbox.domain, "[192.0.2.1]");
  EXPECT_EQ(ParsePath("<joe@[ipv6:2001:DB8:0::1]>", {})->mailbox.domain, "[IPv6:2001:db8::1]");
}

TEST(ToText, GivesBackWhatParsesToTheSame) {
  for (const char* text : {"joe@a.example", R"("j doe"@a.example)", R"("a\"b\\c"@a.example)",
                           "joe@[192.0.2.1]", "jörg@a.example"}) {
    const auto mailbox = ParseMailbox(text);
    ASSERT_TRUE(mailbox.ok()) << text;
    EXPECT_EQ(ToText(*mailbox), text);
  }
  EXPECT_EQ(ToText({}), "");
}

TEST(ParseMailbox, RefusesWhatFollows) {
  EXPECT_FALSE(ParseMailbox("joe@a.example, jim@a.example").ok());
  EXPECT_FALSE(ParseMailbox("<joe@a.example>").ok());
}

TEST(NormalizeDomain, IsLowerCaseWithoutFinalDot) {
  EXPECT_EQ(*NormalizeDomain("Example.ORG."), "example.org");
  EXPECT_EQ(*NormalizeDomain("straße.example"), "xn--strae-oqa.example");
  EXPECT_FALSE(NormalizeDomain("").ok());
  EXPECT_FALSE(NormalizeDomain(".").ok());
}

}  // namespace
}  // namespace cleanmail::mail::address
