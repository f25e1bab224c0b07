#include "services/egress/queue/gate.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"

namespace cleanmail::egress {
namespace {

class GateTest : public ::testing::Test {
 protected:
  void SetDomain(const std::string& name, const provisioning::v1::Domain& domain) {
    provisioning::v1::DirectoryChanged change;
    change.set_name("tenants/acme/domains/" + name);
    *change.mutable_domain() = domain;
    change.mutable_domain()->set_name(change.name());
    directory_.Apply(change);
  }
  base::FakeClock clock_;
  directory::Directory directory_;
  Gate gate_{directory_, clock_, {.connections_per_destination = 20, .ramp = absl::Seconds(10)}};
};

TEST_F(GateTest, E7_OnlyTheTenantWhoseDomainItIsSwitchesItOff) {
  provisioning::v1::Domain off;
  off.set_delivery_off(true);
  SetDomain("off.example", off);
  SetDomain("on.example", {});
  EXPECT_TRUE(gate_.IsOff("acme", "off.example"));
  EXPECT_FALSE(gate_.IsOff("other", "off.example"));
  EXPECT_FALSE(gate_.IsOff("acme", "on.example"));
  EXPECT_FALSE(gate_.IsOff("acme", "elsewhere.example"));
}

TEST_F(GateTest, AnAliasDomainFollowsTheOneItStandsFor) {
  provisioning::v1::Domain off;
  off.set_delivery_off(true);
  SetDomain("real.example", off);
  provisioning::v1::Domain alias;
  alias.set_alias_of("real.example");
  SetDomain("alias.example", alias);
  EXPECT_TRUE(gate_.IsOff("acme", "alias.example"));
}

TEST_F(GateTest, MailWaitsAsLongAsTheDomainSays) {
  provisioning::v1::Domain longer;
  longer.mutable_queue_life()->set_seconds(14 * 86400);
  SetDomain("longer.example", longer);
  EXPECT_EQ(gate_.LifeOf("acme", "longer.example"), absl::Hours(14 * 24));
  EXPECT_EQ(gate_.LifeOf("acme", "elsewhere.example"), absl::Hours(120));
}

TEST_F(GateTest, AServerThatIsBackGetsFewConnectionsAtFirst) {
  EXPECT_EQ(gate_.ConnectionsTo("acme", "a.example"), 20);
  gate_.Reopened("acme", "a.example");
  EXPECT_EQ(gate_.ConnectionsTo("acme", "a.example"), 2);
  EXPECT_EQ(gate_.ConnectionsTo("acme", "b.example"), 20);
  clock_.Advance(absl::Seconds(21));
  EXPECT_EQ(gate_.ConnectionsTo("acme", "a.example"), 8);
  clock_.Advance(absl::Seconds(60));
  EXPECT_EQ(gate_.ConnectionsTo("acme", "a.example"), 20);
}

}  // namespace
}  // namespace cleanmail::egress
