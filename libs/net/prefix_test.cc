#include "libs/net/prefix.h"

#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

IpAddress Ip(std::string_view text) { return *IpAddress::Parse(text); }

TEST(IpAddress, IsTheSameMappedOrPlain) {
  EXPECT_EQ(Ip("192.0.2.1"), Ip("::ffff:192.0.2.1"));
  EXPECT_EQ(Ip("::ffff:192.0.2.1").ToString(), "192.0.2.1");
  EXPECT_EQ(Ip("2001:DB8:0::1").ToString(), "2001:db8::1");
}

TEST(IpAddress, RefusesWhatIsNotOne) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "fe80::1%eth0",
                           "[::1]", "localhost", "::1::"}) {
    EXPECT_FALSE(IpAddress::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0x", 9)).ok());
}

TEST(IpAddress, KnowsWhatIsNotOfThePublicInternet) {
  for (const char* text :
       {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "2001:db8::1", "64:ff9b::1", "::ffff:10.0.0.1", "2002:7f00:1::", "2001::1"}) {
    EXPECT_TRUE(Ip(text).IsPrivate()) << text;
  }
  for (const char* text : {"8.8.8.8", "172.32.0.1", "1.1.1.1", "2a00:1450:4001::1",
                           "2001:4860:4860::8888", "2002:808:808::"}) {
    EXPECT_FALSE(Ip(text).IsPrivate()) << text;
  }
}

TEST(Endpoint, IsParsedAndPrinted) {
  EXPECT_EQ(Endpoint::Parse("192.0.2.1:25")->ToString(), "192.0.2.1:25");
  EXPECT_EQ(Endpoint::Parse("[2001:db8::1]:25")->ToString(), "[2001:db8::1]:25");
  EXPECT_EQ(Endpoint::Parse("[::]:0")->port, 0);
  for (const char* text :
       {"", ":25", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "2001:db8::1:25",
        "[1.2.3.4]:25", "[::1]", "[::1]25", "1.2.3.4:2x", "[]:25", "1.2.3.4: 25"}) {
    EXPECT_FALSE(Endpoint::Parse(text).ok()) << text;
  }
}

TEST(Prefix, HoldsItsAddressesOnly) {
  const Prefix v4 = *Prefix::Parse("192.0.2.128/25");
  EXPECT_TRUE(v4.Contains(Ip("192.0.2.128")));
  EXPECT_TRUE(v4.Contains(Ip("::ffff:192.0.2.255")));
  EXPECT_FALSE(v4.Contains(Ip("192.0.2.127")));
  const Prefix v6 = *Prefix::Parse("2001:db8::/33");
  EXPECT_TRUE(v6.Contains(Ip("2001:db8:7fff::1")));
  EXPECT_FALSE(v6.Contains(Ip("2001:db8:8000::1")));
  EXPECT_TRUE(Prefix::Parse("::/0")->Contains(Ip("1.2.3.4")));
  EXPECT_FALSE(Prefix::Parse("0.0.0.0/0")->Contains(Ip("2001:db8::1")));
  EXPECT_EQ(Prefix::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(Prefix::Parse("10.1.2.3")->ToString(), "10.1.2.3/32");
}

TEST(Prefix, RefusesBitsBehindItsLengthAndSaysWhatIsRight) {
  const absl::Status status = Prefix::Parse("10.1.2.3/8").status();
  EXPECT_NE(status.message().find("10.0.0.0/8"), absl::string_view::npos) << status;
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129",
                           "10.0.0.0/8/8", "10.0.0.0/8 "}) {
    EXPECT_FALSE(Prefix::Parse(text).ok()) << text;
  }
}

TEST(PrefixMap, TheNarrowestNetworkWins) {
  PrefixMap<int> map;
  map.Set(*Prefix::Parse("10.0.0.0/8"), 8);
  map.Set(*Prefix::Parse("10.1.0.0/16"), 16);
  map.Set(*Prefix::Parse("10.1.1.1"), 32);
  EXPECT_EQ(*map.Find(Ip("10.2.0.1")), 8);
  EXPECT_EQ(*map.Find(Ip("10.1.0.1")), 16);
  EXPECT_EQ(*map.Find(Ip("10.1.1.1")), 32);
  EXPECT_EQ(map.Find(Ip("11.0.0.1")), nullptr);
  map.Remove(*Prefix::Parse("10.1.0.0/16"));
  EXPECT_EQ(*map.Find(Ip("10.1.0.1")), 8);
}

TEST(PrefixSet, NamesTheTextThatIsNotANetwork) {
  const std::vector<std::string> texts = {"10.0.0.0/8", "ten"};
  const absl::Status status = PrefixSet::Parse(texts).status();
  EXPECT_NE(status.message().find("\"ten\""), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace cleanmail::net
