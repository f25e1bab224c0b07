#include "services/scanner/analyzers/spam/rules/dns_lists.h"

#include <gtest/gtest.h>

namespace cleanmail::scanner::spam {
namespace {

bool Counts(std::string_view test, std::string_view address) {
  return CodeTest::Read(test)->Counts(*Ipv4Number(address));
}

TEST(CodeTest, ReadsEveryForm) {
  EXPECT_TRUE(Counts("8", "127.0.0.10"));
  EXPECT_FALSE(Counts("8", "127.0.0.6"));
  EXPECT_TRUE(Counts("0x10", "127.0.0.16"));
  EXPECT_TRUE(Counts("127.0.0.2", "127.0.0.2"));
  EXPECT_FALSE(Counts("127.0.0.2", "127.0.0.3"));
  EXPECT_TRUE(Counts("127.0.1.20-127.0.1.39", "127.0.1.39"));
  EXPECT_FALSE(Counts("127.0.1.20-127.0.1.39", "127.0.1.40"));
  EXPECT_TRUE(Counts("127.0.1.0/255.255.255.0", "127.0.1.200"));
  EXPECT_FALSE(Counts("127.0.1.0/255.255.255.0", "127.0.2.200"));
  EXPECT_TRUE(Counts("0.0.0.16/0.0.0.16", "127.0.0.48"));
  for (const char* const text : {"", "x", "127.0.0", "1-", "0x", "127.0.0.2-y", "99999999999"})
    EXPECT_FALSE(CodeTest::Read(text).has_value()) << text;
}

TEST(CodeTest, T_C6_WhatIsNoCodeNeverCounts) {
  for (const char* const test : {"255", "0.0.0.0-255.255.255.255", "0/0", "192.0.2.1"})
    EXPECT_FALSE(Counts(test, "192.0.2.1")) << test;
  EXPECT_FALSE(CodeTest().Counts(*Ipv4Number("192.0.2.1")));
  EXPECT_TRUE(CodeTest().Counts(*Ipv4Number("127.0.0.2")));
}

TEST(DnsListSettings, ReadLists) {
  DnsListSettings settings;
  EXPECT_EQ(ReadDnsListSetting("urirhssub", "A dbl.example. A 127.0.1.2", settings), true);
  EXPECT_EQ(ReadDnsListSetting("uridnsbl", "B sbl.example TXT", settings), true);
  EXPECT_EQ(settings.link_lists.at("A").zone, "dbl.example");
  EXPECT_EQ(settings.link_lists.at("A").about, LinkList::About::kDomain);
  EXPECT_TRUE(settings.link_lists.at("B").text);
  for (const char* const value : {"A dbl.example", "A . A 1", "A dbl.example MX 1", "A d A x", ""})
    EXPECT_EQ(ReadDnsListSetting("urirhssub", value, settings), false) << value;
  EXPECT_EQ(ReadDnsListSetting("score", "A 1", settings), std::nullopt);
  EXPECT_EQ(ReadDnsListSetting("uridnsbl_skip_domain", "A.example b.example", settings), true);
  EXPECT_EQ(ReadDnsListSetting("clear_uridnsbl_skip_domain", "b.example", settings), true);
  EXPECT_EQ(settings.link_domains_passed.size(), 1U);
}

TEST(ListCall, SaysWhatIsAsked) {
  const auto call = ReadListCall("check_rbl", {"zen-lastexternal", "ZEN.example."}, "net nice");
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->zone, "zen.example");
  EXPECT_TRUE(call->nice);
  EXPECT_FALSE(ReadListCall("check_rbl", {"zen"}, "").has_value());
  EXPECT_FALSE(ReadListCall("check_rbl", {"zen", "."}, "").has_value());
  EXPECT_FALSE(ReadListCall("check_other", {"zen", "a"}, "").has_value());
}

}  // namespace
}  // namespace cleanmail::scanner::spam
