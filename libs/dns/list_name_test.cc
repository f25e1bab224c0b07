#include "libs/dns/list_name.h"

#include <gtest/gtest.h>

namespace cleanmail::dns {
namespace {

TEST(ListName, IsTheAddressReversed) {
  EXPECT_EQ(ListName(*net::IpAddress::Parse("192.0.2.99"), "bl.example"), "99.2.0.192.bl.example");
  EXPECT_EQ(ListName(*net::IpAddress::Parse("2001:db8:1:2:3:4:567:89ab"), "ugly.example"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example");
}

}  // namespace
}  // namespace cleanmail::dns
