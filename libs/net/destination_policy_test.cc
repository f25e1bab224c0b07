#include "libs/net/destination_policy.h"

#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

bool Allows(const DestinationPolicy& policy, const std::string& endpoint) {
  const auto parsed = Endpoint::Parse(endpoint);
  EXPECT_TRUE(parsed.ok()) << endpoint;
  return policy.Check(*parsed).ok();
}

TEST(DestinationPolicyTest, TheGatewayItselfAndWhatIsNoHostIsRefusedInEveryForm) {
  const DestinationPolicy policy;
  for (const char* endpoint :
       {"127.0.0.1:25", "127.9.9.9:25", "[::1]:25", "[::ffff:127.0.0.1]:25", "0.0.0.0:25",
        "[::]:25", "169.254.169.254:25", "[fe80::1]:25", "224.0.0.1:25", "[ff02::1]:25",
        "255.255.255.255:25", "[64:ff9b::7f00:1]:25", "[2002:7f00:1::]:25", "[::127.0.0.1]:25"}) {
    EXPECT_FALSE(Allows(policy, endpoint)) << endpoint;
  }
  for (const char* endpoint : {"192.0.2.1:25", "10.1.2.3:2525", "[2a00::1]:587", "[fd00::1]:10025"})
    EXPECT_TRUE(Allows(policy, endpoint)) << endpoint;
}

TEST(DestinationPolicyTest, APortThatIsNoMailServersIsRefused) {
  const DestinationPolicy policy;
  for (const char* endpoint : {"192.0.2.1:22", "192.0.2.1:80", "192.0.2.1:443", "192.0.2.1:1023"})
    EXPECT_FALSE(Allows(policy, endpoint)) << endpoint;
  EXPECT_TRUE(Allows(policy, "192.0.2.1:465"));
}

TEST(DestinationPolicyTest, NetworksOfTheClusterAreRefusedAndExceptionsAreNot) {
  const std::vector<std::string> forbidden = {"10.0.0.0/8"};
  const std::vector<std::string> allowed = {"169.254.7.0/24", "127.0.0.9/32"};
  const auto policy = DestinationPolicy::Create(
      {.allow_loopback = false, .forbidden_networks = forbidden, .allowed_networks = allowed});
  ASSERT_TRUE(policy.ok());
  EXPECT_FALSE(Allows(*policy, "10.1.2.3:25"));
  EXPECT_FALSE(Allows(*policy, "[64:ff9b::a01:203]:25"));
  EXPECT_TRUE(Allows(*policy, "169.254.7.1:25"));
  EXPECT_TRUE(Allows(*policy, "127.0.0.9:25"));
  EXPECT_FALSE(Allows(*policy, "127.0.0.1:25"));
  const std::vector<std::string> nonsense = {"10.0.0.0/40"};
  EXPECT_TRUE(absl::IsInvalidArgument(
      DestinationPolicy::Create(
          {.allow_loopback = false, .forbidden_networks = nonsense, .allowed_networks = {}})
          .status()));
}

TEST(DestinationPolicyTest, LoopbackIsAllowedOnlyOnTheOperatorsWord) {
  const auto policy = DestinationPolicy::Create(
      {.allow_loopback = true, .forbidden_networks = {}, .allowed_networks = {}});
  EXPECT_TRUE(Allows(*policy, "127.0.0.1:25"));
  EXPECT_TRUE(Allows(*policy, "[::1]:10025"));
  EXPECT_FALSE(Allows(*policy, "127.0.0.1:22"));
}

}  // namespace
}  // namespace cleanmail::net
