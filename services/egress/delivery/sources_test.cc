#include "services/egress/delivery/sources.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::egress {
namespace {

using ::testing::HasSubstr;

net::IpAddress Ip(const std::string& text) { return *net::IpAddress::Parse(text); }

v1::EgressConfig With(const std::vector<std::string>& addresses,
                      const std::vector<std::string>& networks) {
  v1::EgressConfig settings;
  for (const std::string& address : addresses) settings.add_source_addresses(address);
  for (const std::string& network : networks) settings.add_source_ranges()->set_network(network);
  return settings;
}

TEST(Sources, WithoutAnyTheSystemChooses) {
  const auto sources = Sources::Create(With({}, {"192.0.2.0/24"}));
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_EQ(*sources->For(Ip("198.51.100.1")), std::nullopt);
}

TEST(Sources, ADestinationSeesAlwaysTheSameOfItsFamily) {
  const auto sources = Sources::Create(
      With({"192.0.2.1", "192.0.2.2", "2001:db8::1"}, {"192.0.2.0/24", "2001:db8::/64"}));
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_EQ(*sources->For(Ip("2001:db8:1::1")), Ip("2001:db8::1"));
  int first = 0;
  for (int i = 0; i < 200; ++i) {
    const net::IpAddress to = net::IpAddress::V4(0xC6336400U + static_cast<uint32_t>(i));
    EXPECT_EQ(**sources->For(to), **sources->For(to));
    if (**sources->For(to) == Ip("192.0.2.1")) ++first;
  }
  EXPECT_GT(first, 50) << "and all are used";
  EXPECT_LT(first, 150);
}

TEST(Sources, AFamilyWithoutASourceIsNotUsed) {
  const auto sources = Sources::Create(With({"192.0.2.1"}, {"192.0.2.1"}));
  EXPECT_TRUE(absl::IsUnavailable(sources->For(Ip("2001:db8::1")).status()));
}

TEST(Sources, OneThatIsNotPublishedIsRefusedAtTheStart) {
  for (const auto& networks : {std::vector<std::string>{"192.0.2.0/24"}, {}}) {
    const auto sources = Sources::Create(With({"198.51.100.1"}, networks));
    EXPECT_TRUE(absl::IsInvalidArgument(sources.status()));
    EXPECT_THAT(sources.status().ToString(), HasSubstr("egress.source_addresses: 198.51.100.1"));
  }
  EXPECT_THAT(Sources::Create(With({"nowhere"}, {})).status().ToString(),
              HasSubstr("egress.source_addresses"));
  EXPECT_THAT(Sources::Create(With({}, {"10.0.0.0/33"})).status().ToString(),
              HasSubstr("egress.source_ranges"));
}

}  // namespace
}  // namespace cleanmail::egress
