#include "libs/net/host_port.h"

#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

struct Case {
  std::string_view text, host;
  uint16_t port;
  bool is_address;
};

TEST(HostPort, ReadsWhatPeopleWrite) {
  for (const Case& c :
       {Case{"mail.example.org", "mail.example.org", 25, false},
        Case{"Mail.Example.ORG:2525", "mail.example.org", 2525, false},
        Case{"192.0.2.1", "192.0.2.1", 25, true}, Case{"192.0.2.1:26", "192.0.2.1", 26, true},
        Case{"[2001:db8::1]:26", "2001:db8::1", 26, true},
        Case{"2001:db8::1", "2001:db8::1", 25, true}}) {
    const auto parsed = ParseHostPort(c.text, 25);
    ASSERT_TRUE(parsed.ok()) << c.text;
    EXPECT_EQ(parsed->host, c.host);
    EXPECT_EQ(parsed->port, c.port);
    EXPECT_EQ(parsed->is_address, c.is_address);
  }
}

TEST(HostPort, RefusesEverythingElse) {
  for (const std::string_view text : {"", ":25", "a:0", "a:65536", "a:x", "[2001:db8::1", "[a]:25",
                                      "a b", "-a", "http://a", "a/b", "a\n"}) {
    EXPECT_FALSE(ParseHostPort(text, 25).ok()) << text;
  }
}

}  // namespace
}  // namespace cleanmail::net
