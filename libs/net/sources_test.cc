#include "libs/net/sources.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

using ::testing::HasSubstr;

IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }

absl::StatusOr<Sources> With(const std::vector<std::string>& addresses,
                             const std::vector<std::string>& networks) {
  return Sources::Create(addresses, networks);
}

TEST(Sources, WithoutAnyTheSystemChooses) {
  const auto sources = With({}, {"192.0.2.0/24"});
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_EQ(*sources->For(Ip("198.51.100.1")), std::nullopt);
}

TEST(Sources, ADestinationSeesAlwaysTheSameOfItsFamily) {
  const auto sources =
      With({"192.0.2.1", "192.0.2.2", "2001:db8::1"}, {"192.0.2.0/24", "2001:db8::/64"});
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_EQ(*sources->For(Ip("2001:db8:1::1")), Ip("2001:db8::1"));
  int first = 0;
  for (int i = 0; i < 200; ++i) {
    const IpAddress to = IpAddress::V4(0xC6336400U + static_cast<uint32_t>(i));
    EXPECT_EQ(**sources->For(to), **sources->For(to));
    if (**sources->For(to) == Ip("192.0.2.1")) ++first;
  }
  EXPECT_GT(first, 50) << "and all are used";
  EXPECT_LT(first, 150);
}

TEST(Sources, AFamilyWithoutASourceIsNotUsed) {
  const auto sources = With({"192.0.2.1"}, {"192.0.2.1"});
  EXPECT_TRUE(absl::IsUnavailable(sources->For(Ip("2001:db8::1")).status()));
}

TEST(Sources, OneThatIsNotPublishedIsRefusedAtTheStart) {
  for (const auto& networks : {std::vector<std::string>{"192.0.2.0/24"}, {}}) {
    const auto sources = With({"198.51.100.1"}, networks);
    EXPECT_TRUE(absl::IsInvalidArgument(sources.status()));
    EXPECT_THAT(sources.status().ToString(), HasSubstr("source_addresses: 198.51.100.1"));
  }
  EXPECT_THAT(With({"nowhere"}, {}).status().ToString(), HasSubstr("source_addresses"));
  EXPECT_THAT(With({}, {"10.0.0.0/33"}).status().ToString(), HasSubstr("source_ranges"));
}

}  // namespace
}  // namespace cleanmail::net
