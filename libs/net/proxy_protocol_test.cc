#include "libs/net/proxy_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

const std::string kMagic("\r\n\r\n\0\r\nQUIT\n", 12);

std::string V2(char version_command, char family, const std::string& body) {
  std::string header = kMagic + version_command + family;
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 0xff);
  return header + body;
}

const std::string kV4Body("\xc0\x00\x02\x01\xc6\x33\x64\x01\x30\x39\x00\x19", 12);

TEST(ProxyProtocol, Version1SaysBothEnds) {
  const auto header = *ParseProxyHeader("PROXY TCP4 192.0.2.1 198.51.100.1 12345 25\r\nEHLO");
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->length, 44u);
  EXPECT_EQ(header->ends->source.ToString(), "192.0.2.1:12345");
  EXPECT_EQ(header->ends->destination.ToString(), "198.51.100.1:25");
  EXPECT_EQ(
      (*ParseProxyHeader("PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n"))->ends->source.ToString(),
      "[2001:db8::1]:1");
}

TEST(ProxyProtocol, Version2SaysBothEndsAndItsExtensionsAreSkipped) {
  const std::string bytes = V2('\x21', '\x11', kV4Body + std::string("\x04\x00\x01x", 4));
  const auto header = *ParseProxyHeader(bytes + "EHLO");
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->length, bytes.size());
  EXPECT_EQ(header->ends->source.ToString(), "192.0.2.1:12345");
  EXPECT_EQ(header->ends->destination.ToString(), "198.51.100.1:25");
  const std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\1' +
                         std::string(16, '\2') + std::string("\x00\x01\x00\x19", 4);
  EXPECT_EQ((*ParseProxyHeader(V2('\x21', '\x21', v6)))->ends->source.ToString(),
            "[2001:db8::1]:1");
}

TEST(ProxyProtocol, LocalAndUnknownSayNoEnds) {
  EXPECT_FALSE((*ParseProxyHeader("PROXY UNKNOWN\r\n"))->ends.has_value());
  EXPECT_FALSE((*ParseProxyHeader("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"))->ends.has_value());
  EXPECT_FALSE((*ParseProxyHeader(V2('\x20', '\x00', "")))->ends.has_value());
}

TEST(ProxyProtocol, EveryBeginningOfAHeaderAsksForMore) {
  for (const std::string& whole : {std::string("PROXY TCP4 192.0.2.1 198.51.100.1 12345 25\r\n"),
                                   V2('\x21', '\x11', kV4Body)}) {
    for (size_t n = 0; n < whole.size(); ++n) {
      const auto header = ParseProxyHeader(whole.substr(0, n));
      ASSERT_TRUE(header.ok()) << n;
      EXPECT_FALSE(header->has_value()) << n;
    }
  }
}

TEST(ProxyProtocol, T_A9_WhatIsNotAHeaderIsRefused) {
  for (const std::string& bytes :
       {std::string("EHLO x\r\n"), std::string("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), std::string("PROXY TCP4 ::1 ::1 1 2\r\n"),
        std::string("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"),
        std::string("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), "PROXY TCP4 " + std::string(200, '1'),
        V2('\x11', '\x11', kV4Body), V2('\x22', '\x11', kV4Body), V2('\x21', '\x11', "short"),
        V2('\x21', '\x21', kV4Body), kMagic + "\x21\x11\xff\xff"}) {
    EXPECT_FALSE(ParseProxyHeader(bytes).ok()) << bytes;
  }
}

}  // namespace
}  // namespace cleanmail::net
