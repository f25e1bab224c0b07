#include "libs/net/connection_limits.h"

#include <gtest/gtest.h>

namespace cleanmail::net {
namespace {

using Verdict = ConnectionLimits::Verdict;

IpAddress Ip(std::string_view text) { return *IpAddress::Parse(text); }

TEST(ConnectionLimits, T_A11_AnAddressMayOpenItsShareAndNotOneMore) {
  ConnectionLimits limits({.total = 100, .per_address = 2, .per_network = 100, .exempt = {}});
  auto first = limits.Admit(Ip("192.0.2.1"));
  auto second = limits.Admit(Ip("192.0.2.1"));
  EXPECT_EQ(second.verdict, Verdict::kAdmitted);
  EXPECT_EQ(limits.Admit(Ip("192.0.2.1")).verdict, Verdict::kTooManyFromAddress);
  auto neighbour = limits.Admit(Ip("192.0.2.2"));
  EXPECT_EQ(neighbour.verdict, Verdict::kAdmitted);
}

TEST(ConnectionLimits, T_A11_AClosedConnectionMakesRoom) {
  ConnectionLimits limits({.total = 1, .per_address = 1, .per_network = 1, .exempt = {}});
  {
    auto admission = limits.Admit(Ip("192.0.2.1"));
    ConnectionLimits::Ticket kept = std::move(admission.ticket);
    EXPECT_EQ(limits.open(), 1);
  }
  EXPECT_EQ(limits.open(), 0);
  EXPECT_EQ(limits.Admit(Ip("192.0.2.1")).verdict, Verdict::kAdmitted);
}

TEST(ConnectionLimits, T_A11_OneSixtyFourIsOneAddress) {
  ConnectionLimits limits({.total = 100, .per_address = 1, .per_network = 2, .exempt = {}});
  auto first = limits.Admit(Ip("2001:db8:0:1::1"));
  EXPECT_EQ(limits.Admit(Ip("2001:db8:0:1:ffff::2")).verdict, Verdict::kTooManyFromAddress);
  auto second = limits.Admit(Ip("2001:db8:0:2::1"));
  EXPECT_EQ(second.verdict, Verdict::kAdmitted);
  EXPECT_EQ(limits.Admit(Ip("2001:db8:0:3::1")).verdict, Verdict::kTooManyFromNetwork);
}

TEST(ConnectionLimits, T_A11_ANetworkMayOpenItsShare) {
  ConnectionLimits limits({.total = 100, .per_address = 5, .per_network = 2, .exempt = {}});
  auto first = limits.Admit(Ip("192.0.2.1"));
  auto second = limits.Admit(Ip("192.0.2.2"));
  EXPECT_EQ(limits.Admit(Ip("192.0.2.3")).verdict, Verdict::kTooManyFromNetwork);
  EXPECT_EQ(limits.Admit(Ip("192.0.3.3")).verdict, Verdict::kAdmitted);
}

TEST(ConnectionLimits, ExemptNetworksAreHeldToTheTotalOnly) {
  const std::vector<std::string> networks = {"10.0.0.0/8"};
  ConnectionLimits limits(
      {.total = 2, .per_address = 1, .per_network = 1, .exempt = *PrefixSet::Parse(networks)});
  auto first = limits.Admit(Ip("10.0.0.1"));
  auto second = limits.Admit(Ip("10.0.0.1"));
  EXPECT_EQ(second.verdict, Verdict::kAdmitted);
  EXPECT_EQ(limits.Admit(Ip("10.0.0.1")).verdict, Verdict::kTooMany);
}

}  // namespace
}  // namespace cleanmail::net
