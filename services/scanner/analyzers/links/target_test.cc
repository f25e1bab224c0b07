#include "services/scanner/analyzers/links/target.h"

#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

TEST(TargetTest, TakesAnAddressApart) {
  const auto target = ReadTarget("HTTPS://User:pw@WWW.Example.ORG:8443/a/b?c=d#e");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->scheme, "https");
  EXPECT_EQ(target->userinfo, "User:pw");
  EXPECT_EQ(target->host, "www.example.org");
  EXPECT_EQ(target->port, 8443);
  EXPECT_EQ(target->path, "/a/b");
  EXPECT_EQ(target->query, "c=d");
}

TEST(TargetTest, TheHostStandsBehindTheLastAtSign) {
  EXPECT_EQ(ReadTarget("http://a.example@b.example@c.example/")->host, "c.example");
  EXPECT_EQ(ReadTarget("http://a.example\\@c.example/")->host, "a.example")
      << "a backslash is a slash to browsers";
}

TEST(TargetTest, AddressesAreKnownInAllTheirSpellings) {
  for (const char* link :
       {"http://192.0.2.1/", "http://3221225985", "http://0xC0.0.2.1", "http://0300.0.02.1",
        "http://192.0.513/", "http://%31%39%32.0.2.1/", "http://192.0.2.1./"}) {
    const auto target = ReadTarget(link);
    ASSERT_TRUE(target.has_value()) << link;
    EXPECT_TRUE(target->is_address) << link;
    EXPECT_EQ(target->host, "192.0.2.1") << link;
  }
  EXPECT_TRUE(ReadTarget("http://[2001:db8::1]:80/")->is_address);
  EXPECT_FALSE(ReadTarget("http://1.2.3.4.example/")->is_address);
  EXPECT_FALSE(ReadTarget("http://300.1.1.1/")->is_address);
}

TEST(TargetTest, LinksWithoutHostsHaveNone) {
  EXPECT_EQ(ReadTarget("mailto:ann@example.org")->host, "");
  EXPECT_EQ(ReadTarget("data:text/html,x")->path, "text/html,x");
  EXPECT_FALSE(ReadTarget("/relative").has_value());
  EXPECT_FALSE(ReadTarget("https:///").has_value());
  EXPECT_FALSE(ReadTarget("").has_value());
}

TEST(TargetTest, T_B4_HostsBeyondAsciiAreComparedAsALabels) {
  EXPECT_EQ(ReadTarget("https://MÜLLER.example/")->host, "xn--mller-kva.example");
  EXPECT_EQ(ReadTarget("https://ｅｘａｍｐｌｅ.org/")->written, "ｅｘａｍｐｌｅ.org");
}

TEST(TargetTest, ATextThatShowsAHostIsKnown) {
  EXPECT_EQ(ShownHost("https://www.bank.com/login"), "www.bank.com");
  EXPECT_EQ(ShownHost(" www.bank.co.uk. "), "www.bank.co.uk");
  EXPECT_EQ(ShownHost("bank.com"), "bank.com");
  EXPECT_EQ(ShownHost("b\u200bank.com"), "bank.com") << "what is not seen does not count";
}

TEST(TargetTest, WordsAndFilesAreNoHosts) {
  for (const char* text : {"Click here", "report.pl", "readme.md", "ann@bank.com", "1.2.3", "e.g.",
                           "", "bank.com is closed"})
    EXPECT_FALSE(ShownHost(text).has_value()) << text;
}

TEST(TargetTest, LongAndBrokenLinksAreReadToAnEnd) {
  EXPECT_FALSE(ReadTarget("http://" + std::string(10'000, 'a'))->host.empty());
  EXPECT_FALSE(ShownHost(std::string(10'000, 'a') + ".com").has_value());
  EXPECT_EQ(PercentDecoded("%4"), "%4");
  EXPECT_EQ(PercentDecoded("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace cleanmail::scanner
