#include "libs/authz/authorizer.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/bus/fake_bus.h"
#include "libs/rpc/answer.h"
#include "proto/cleanmail/audit/v1/events.pb.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"

namespace cleanmail::authz {
namespace {

using audit::v1::AuditRecorded;
using rpc::Caller;
using rpc::Role;

const Caller kOperator{.role = Role::kOperator, .id = "operator/local"};
const Caller kService{.role = Role::kService, .id = "service"};
const Caller kStranger{.id = "unknown"};
const Caller kPartner{.role = Role::kPartner, .id = "token/p", .partner = "reseller"};
const Caller kTenant{.role = Role::kTenant, .id = "token/t", .tenant = "acme"};
const Caller kDomain{
    .role = Role::kDomain, .id = "token/d", .tenant = "acme", .domains = {"acme.example"}};
const Caller kUser{
    .role = Role::kUser, .id = "token/u", .tenant = "acme", .user = "ann@acme.example"};

// reseller looks after acme.
class FakeTenants final : public Tenants {
 public:
  std::string PartnerOf(std::string_view tenant) override {
    return tenant == "acme" ? "reseller" : "";
  }
  std::vector<std::string> TenantsOf(std::string_view partner) override {
    return partner == "reseller" ? std::vector<std::string>{"acme"} : std::vector<std::string>();
  }
};

class AuthorizerTest : public ::testing::Test {
 protected:
  // OK, NOT_FOUND or PERMISSION_DENIED.
  absl::StatusCode Ask(const Caller& caller, Permission permission, const Target& target) {
    return authorizer_.Check(caller, permission, target).code();
  }
  bus::FakeBus bus_;
  base::FakeClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  FakeTenants tenants_;
  Authorizer authorizer_{bus_, clock_, *log_, &tenants_};
};

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kNotFound = absl::StatusCode::kNotFound;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

TEST_F(AuthorizerTest, WhatIsAllowedIsNotRecordedBeforeItHappened) {
  EXPECT_TRUE(authorizer_.Check(kOperator, Permission::kReadHolds, "acme").ok());
  EXPECT_TRUE(authorizer_.Check(kOperator, Permission::kReleaseHold, "acme").ok());
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(AuthorizerTest, AChangeIsRecordedWithWhoWhatBeforeAfterAndFromWhere) {
  provisioning::v1::Tenant before;
  before.set_name("tenants/acme");
  provisioning::v1::Tenant after = before;
  after.set_display_name("Acme \"AG\"");
  Caller caller = kTenant;
  caller.address = "192.0.2.1";
  caller.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  authorizer_.Changed(caller, Permission::kWriteTenants,
                      {.tenant = "acme", .resource = "tenants/acme"}, &before, &after);
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].tenant(), "acme");
  EXPECT_EQ(events[0].actor(), "token/t");
  EXPECT_EQ(events[0].permission(), "tenants.write");
  EXPECT_EQ(events[0].resource(), "tenants/acme");
  EXPECT_TRUE(events[0].allowed());
  EXPECT_EQ(events[0].at_us(), base::NowMicros(clock_));
  EXPECT_EQ(events[0].before(), R"({"name":"tenants/acme"})");
  EXPECT_EQ(events[0].after(), R"({"name":"tenants/acme","displayName":"Acme \"AG\""})");
  EXPECT_EQ(events[0].address(), "192.0.2.1");
  EXPECT_EQ(events[0].trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_F(AuthorizerTest, WhatHasNoBeforeOrAfterSaysNothingThere) {
  authorizer_.Changed(kOperator, Permission::kWriteTenants, {.tenant = "acme"}, nullptr, nullptr);
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].before(), "");
  EXPECT_EQ(events[0].after(), "");
}

TEST_F(AuthorizerTest, KeysAreForServicesAndARefusalIsRecorded) {
  EXPECT_TRUE(authorizer_.Check(kService, Permission::kReadKeys, "acme").ok());
  const absl::Status refused = authorizer_.Check(kOperator, Permission::kReadKeys, "acme");
  EXPECT_EQ(refused.code(), kDenied);
  EXPECT_EQ(rpc::ReasonOf(refused), "NOT_ALLOWED");
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].allowed());
}

TEST_F(AuthorizerTest, AStrangerMayDoNothing) {
  for (int i = 0; i <= static_cast<int>(kLastPermission); ++i) {
    EXPECT_FALSE(authorizer_.Check(kStranger, static_cast<Permission>(i), "acme").ok()) << i;
    EXPECT_FALSE(authorizer_.Check(kStranger, static_cast<Permission>(i), {.filtered = true}).ok())
        << i;
  }
}

TEST_F(AuthorizerTest, T_D8_AnotherTenantsThingsAreNotThereForAnybodyBelowTheOperator) {
  for (int i = 0; i <= static_cast<int>(kLastPermission); ++i) {
    const auto permission = static_cast<Permission>(i);
    if (RuleOf(permission).lowest == Role::kService) continue;
    for (const Caller& caller : {kPartner, kTenant, kDomain, kUser}) {
      for (const Target& target :
           {Target{.tenant = "other"}, Target{.tenant = "other", .filtered = true},
            Target{.tenant = "other", .domain = "acme.example"},
            Target{.tenant = "other", .user = "ann@acme.example"}}) {
        EXPECT_EQ(Ask(caller, permission, target), kNotFound) << caller.id << " " << i;
      }
    }
    EXPECT_EQ(Ask(kOperator, permission, {.tenant = "other"}), kOk) << i;
  }
}

TEST_F(AuthorizerTest, T_D8_ARefusedCrossingIsRecordedAndSaysWhatAMissingThingSays) {
  const absl::Status refused =
      authorizer_.Check(kTenant, Permission::kReadHolds, "other", "tenants/other/holds/1");
  EXPECT_EQ(refused, NoSuchResource());
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].allowed());
  EXPECT_EQ(events[0].tenant(), "other");
  EXPECT_EQ(events[0].actor(), "token/t");
}

TEST_F(AuthorizerTest, EachRoleReachesItsBranchAndNoFurther) {
  const Target acme{.tenant = "acme"};
  const Target mine{.tenant = "acme", .domain = "acme.example"};
  const Target sister{.tenant = "acme", .domain = "sister.example"};
  const Target ann{.tenant = "acme", .user = "ann@acme.example"};
  const Target bob{.tenant = "acme", .user = "bob@acme.example"};
  const Target eve{.tenant = "acme", .user = "eve@sister.example"};
  for (const Target& target : {acme, mine, sister, ann, bob, eve}) {
    EXPECT_EQ(Ask(kPartner, Permission::kReadHolds, target), kOk);
    EXPECT_EQ(Ask(kTenant, Permission::kReadHolds, target), kOk);
  }
  EXPECT_EQ(Ask(kDomain, Permission::kReadHolds, acme), kDenied);
  EXPECT_EQ(Ask(kDomain, Permission::kReadHolds, mine), kOk);
  EXPECT_EQ(Ask(kDomain, Permission::kReadHolds, ann), kOk);
  EXPECT_EQ(Ask(kDomain, Permission::kReadHolds, sister), kNotFound);
  EXPECT_EQ(Ask(kDomain, Permission::kReadHolds, eve), kNotFound);
  EXPECT_EQ(Ask(kUser, Permission::kReadHolds, ann), kOk);
  EXPECT_EQ(Ask(kUser, Permission::kReadHolds, bob), kNotFound);
  EXPECT_EQ(Ask(kUser, Permission::kReadHolds, mine), kDenied);
  EXPECT_EQ(Ask(kUser, Permission::kReadHolds, acme), kDenied);
}

TEST_F(AuthorizerTest, ATooLowRoleInItsOwnBranchIsToldWhatIsMissing) {
  const absl::Status refused = authorizer_.Check(kDomain, Permission::kWriteDomains,
                                                 {.tenant = "acme", .domain = "acme.example"});
  EXPECT_EQ(refused.code(), kDenied);
  EXPECT_EQ(refused.message(),
            "domains.write needs the role tenant here or one above it; yours is domain");
  EXPECT_EQ(Ask(kTenant, Permission::kWriteTenants, {.tenant = "acme"}), kDenied);
  EXPECT_EQ(Ask(kPartner, Permission::kWriteTenants, {.tenant = "acme"}), kOk);
}

TEST_F(AuthorizerTest, APartnerMakesTenantsOfHisOwnOnly) {
  EXPECT_EQ(Ask(kPartner, Permission::kWriteTenants, {.partner = "reseller"}), kOk);
  EXPECT_EQ(Ask(kPartner, Permission::kWriteTenants, {.partner = "rival"}), kNotFound);
  EXPECT_EQ(Ask(kPartner, Permission::kWriteTenants, {}), kDenied);
  EXPECT_EQ(Ask(kPartner, Permission::kWritePartners, {.partner = "reseller"}), kDenied);
  EXPECT_EQ(Ask(kTenant, Permission::kWriteTenants, {.partner = "reseller"}), kDenied);
}

TEST_F(AuthorizerTest, WithoutFilteringTheWholeInstallationIsTheOperators) {
  EXPECT_EQ(Ask(kPartner, Permission::kReadHolds, {.tenant = "-"}), kDenied);
  EXPECT_EQ(Ask(kTenant, Permission::kReadHolds, {.tenant = "-"}), kDenied);
  EXPECT_EQ(Ask(kOperator, Permission::kReadHolds, {.tenant = "-"}), kOk);
  EXPECT_EQ(Ask(kPartner, Permission::kReadHolds, {.tenant = "-", .filtered = true}), kOk);
  EXPECT_EQ(Ask(kUser, Permission::kReadHolds, {.tenant = "acme", .filtered = true}), kOk);
  EXPECT_EQ(Ask(kUser, Permission::kRetryDeliveries, {.tenant = "acme", .filtered = true}),
            kDenied);
}

TEST_F(AuthorizerTest, ScopesNarrowAndNeverWiden) {
  Caller narrow = kTenant;
  narrow.scopes = {"*.read", "tenants.write"};
  EXPECT_EQ(Ask(narrow, Permission::kReadHolds, {.tenant = "acme"}), kOk);
  EXPECT_EQ(Ask(narrow, Permission::kReleaseHold, {.tenant = "acme"}), kDenied);
  EXPECT_EQ(Ask(narrow, Permission::kWriteTenants, {.tenant = "acme"}), kDenied);
  EXPECT_EQ(Ask(narrow, Permission::kReadHolds, {.tenant = "other"}), kNotFound);
}

TEST_F(AuthorizerTest, VisibleSaysWhatListsMayShow) {
  EXPECT_TRUE(authorizer_.VisibleTo(kOperator).SeesWholeTenant("any"));
  const Visible partner = authorizer_.VisibleTo(kPartner);
  EXPECT_TRUE(partner.SeesUser("acme", "bob@sister.example"));
  EXPECT_FALSE(partner.SeesTenant("other"));
  const Visible domain = authorizer_.VisibleTo(kDomain);
  EXPECT_TRUE(domain.SeesTenant("acme"));
  EXPECT_FALSE(domain.SeesWholeTenant("acme"));
  EXPECT_TRUE(domain.SeesUser("acme", "bob@acme.example"));
  EXPECT_FALSE(domain.SeesUser("acme", "bob@sister.example"));
  EXPECT_FALSE(domain.SeesDomain("other", "acme.example"));
  const Visible user = authorizer_.VisibleTo(kUser);
  EXPECT_TRUE(user.SeesUser("acme", "ann@acme.example"));
  EXPECT_FALSE(user.SeesUser("acme", "bob@acme.example"));
  EXPECT_FALSE(user.SeesDomain("acme", "acme.example"));
  EXPECT_FALSE(authorizer_.VisibleTo(kStranger).SeesTenant("acme"));
  // A role without what binds it sees nothing.
  EXPECT_FALSE(authorizer_.VisibleTo({.role = Role::kUser, .tenant = "acme"}).SeesTenant("acme"));
  EXPECT_FALSE(authorizer_.VisibleTo({.role = Role::kPartner}).SeesTenant("acme"));
}

TEST_F(AuthorizerTest, ATrailThatCannotBeKeptDoesNotStopWork) {
  bus_.FailNext(absl::UnavailableError("disk"));
  EXPECT_EQ(Ask(kTenant, Permission::kReadHolds, {.tenant = "other"}), kNotFound);
}

TEST_F(AuthorizerTest, HostileNamesAreRecordedPrintable) {
  EXPECT_FALSE(
      authorizer_.Check(kTenant, Permission::kDeleteHold, "a\r\nb", std::string(10'000, '\x01'))
          .ok());
  const auto events = bus_.Events<AuditRecorded>();
  EXPECT_EQ(events[0].tenant(), "a\\r\\nb");
  EXPECT_LT(events[0].resource().size(), 3000u);
}

}  // namespace
}  // namespace cleanmail::authz
