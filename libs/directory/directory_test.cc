#include "libs/directory/directory.h"

#include <atomic>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <malloc.h>

#include "libs/base/cat.h"

namespace cleanmail::directory {
namespace {

using provisioning::v1::DirectoryChanged;
using Standing = Recipient::Standing;

DirectoryChanged TenantChange(const std::string& id,
                              const std::vector<std::string>& networks = {}) {
  DirectoryChanged change;
  change.set_name("tenants/" + id);
  change.mutable_tenant()->set_name(change.name());
  for (const std::string& network : networks)
    change.mutable_tenant()->add_sending_networks(network);
  return change;
}

DirectoryChanged DomainChange(const std::string& tenant, const std::string& domain,
                              bool accounts_required = false) {
  DirectoryChanged change;
  change.set_name(base::Cat("tenants/", tenant, "/domains/", domain));
  change.mutable_domain()->set_name(change.name());
  change.mutable_domain()->set_recipient_mode(
      accounts_required ? provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED
                        : provisioning::v1::RECIPIENT_MODE_ANY);
  return change;
}

DirectoryChanged UserChange(const std::string& tenant, const std::string& primary,
                            const std::vector<std::string>& aliases = {}) {
  DirectoryChanged change;
  change.set_name(base::Cat("tenants/", tenant, "/users/", primary));
  change.mutable_user()->set_name(change.name());
  for (const std::string& alias : aliases) change.mutable_user()->add_aliases(alias);
  return change;
}

DirectoryChanged Gone(DirectoryChanged change) {
  change.set_deleted(true);
  change.clear_resource();
  return change;
}

class DirectoryTest : public ::testing::Test {
 protected:
  void Apply(std::initializer_list<DirectoryChanged> changes) {
    for (const DirectoryChanged& change : changes) directory_.Apply(change);
  }
  Directory directory_;
};

TEST_F(DirectoryTest, BeforeItIsCompleteNobodyIsKnownOrUnknown) {
  Apply({TenantChange("acme"), DomainChange("acme", "acme.example")});
  EXPECT_EQ(directory_.Find("a", "acme.example").standing, Standing::kNotReady);
  EXPECT_EQ(directory_.Find("a", "other.example").standing, Standing::kNotReady);
  directory_.Complete();
  EXPECT_EQ(directory_.Find("a", "acme.example").standing, Standing::kAccepted);
  EXPECT_EQ(directory_.Find("a", "other.example").standing, Standing::kUnknownDomain);
}

TEST_F(DirectoryTest, AnyModeTakesEveryAddressAndNamesTheAccountWhereThereIsOne) {
  Apply({DomainChange("acme", "acme.example"),
         UserChange("acme", "Ann@acme.example", {"info@acme.example"})});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("Whoever", "acme.example").account, "Whoever@acme.example");
  EXPECT_EQ(directory_.Find("INFO", "acme.example").account, "ann@acme.example");
  EXPECT_EQ(directory_.Find("info", "acme.example").tenant, "acme");
}

TEST_F(DirectoryTest, AccountsRequiredTakesAccountsAliasesPostmasterAndAbuseOnly) {
  Apply({DomainChange("acme", "acme.example", true),
         UserChange("acme", "ann@acme.example", {"info@acme.example"})});
  directory_.Complete();
  for (const char* local : {"ann", "ANN", "info", "postmaster", "Abuse"}) {
    EXPECT_EQ(directory_.Find(local, "acme.example").standing, Standing::kAccepted) << local;
  }
  EXPECT_EQ(directory_.Find("bob", "acme.example").standing, Standing::kUnknownUser);
  EXPECT_EQ(directory_.Find("bob", "acme.example").tenant, "acme");
}

TEST_F(DirectoryTest, AnAddressLeadsToItsAccountAndAnUnknownOneToItself) {
  Apply({DomainChange("acme", "acme.example", true),
         UserChange("acme", "Ann@acme.example", {"info@acme.example"})});
  directory_.Complete();
  EXPECT_EQ(directory_.AccountOf("INFO@acme.example"), "ann@acme.example");
  EXPECT_EQ(directory_.AccountOf("bob@acme.example"), "bob@acme.example");
  EXPECT_EQ(directory_.AccountOf("x@elsewhere.example"), "x@elsewhere.example");
  EXPECT_EQ(directory_.AccountOf("nothing"), "nothing");
}

TEST_F(DirectoryTest, AUsersNewStateReplacesTheOldAndItsEndRemovesIt) {
  Apply({DomainChange("acme", "acme.example", true),
         UserChange("acme", "ann@acme.example", {"old@acme.example"}),
         UserChange("acme", "ann@acme.example", {"new@acme.example"})});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("old", "acme.example").standing, Standing::kUnknownUser);
  EXPECT_EQ(directory_.Find("new", "acme.example").account, "ann@acme.example");
  Apply({Gone(UserChange("acme", "ann@acme.example"))});
  EXPECT_EQ(directory_.Find("ann", "acme.example").standing, Standing::kUnknownUser);
  EXPECT_EQ(directory_.Find("new", "acme.example").standing, Standing::kUnknownUser);
}

TEST_F(DirectoryTest, AnAliasThatWandersBelongsToTheNewest) {
  Apply({DomainChange("acme", "acme.example", true),
         UserChange("acme", "ann@acme.example", {"info@acme.example"}),
         UserChange("acme", "bob@acme.example", {"info@acme.example"}),
         UserChange("acme", "ann@acme.example")});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("info", "acme.example").account, "bob@acme.example");
}

TEST_F(DirectoryTest, AnotherTenantsAccountDoesNotOpenADomain) {
  Apply({DomainChange("acme", "acme.example", true), UserChange("evil", "ann@acme.example")});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("ann", "acme.example").standing, Standing::kUnknownUser);
}

TEST_F(DirectoryTest, ADomainThatWandersBelongsToItsNewTenantAndADeletedOneToNobody) {
  Apply({DomainChange("acme", "x.example"), Gone(DomainChange("acme", "x.example")),
         DomainChange("other", "x.example")});
  directory_.Complete();
  EXPECT_EQ(directory_.TenantOfDomain("x.example"), "other");
  EXPECT_EQ(directory_.DomainsOf("other"), std::vector<std::string>{"x.example"});
  Apply({Gone(DomainChange("other", "x.example"))});
  EXPECT_EQ(directory_.TenantOfDomain("x.example"), std::nullopt);
  EXPECT_EQ(directory_.Find("postmaster", "x.example").standing, Standing::kUnknownDomain);
}

TEST_F(DirectoryTest, TheNarrowestSendingNetworkWinsAndADisputedOneIsNobodys) {
  Apply({TenantChange("wide", {"10.0.0.0/8"}),
         TenantChange("narrow", {"10.1.0.0/16", "2001:db8::/32", "nonsense"})});
  EXPECT_EQ(directory_.TenantOfSender("10.2.0.1"), "wide");
  EXPECT_EQ(directory_.TenantOfSender("10.1.0.1"), "narrow");
  EXPECT_EQ(directory_.TenantOfSender("2001:db8::1"), "narrow");
  EXPECT_EQ(directory_.TenantOfSender("192.0.2.1"), std::nullopt);
  EXPECT_EQ(directory_.TenantOfSender("not an address"), std::nullopt);
  Apply({TenantChange("thief", {"10.1.0.0/16"})});
  EXPECT_EQ(directory_.TenantOfSender("10.1.0.1"), std::nullopt);
  Apply({Gone(TenantChange("thief"))});
  EXPECT_EQ(directory_.TenantOfSender("10.1.0.1"), "narrow");
  Apply({TenantChange("narrow")});
  EXPECT_EQ(directory_.TenantOfSender("10.1.0.1"), "wide");
}

TEST_F(DirectoryTest, RoutesAreTheTenantsOwn) {
  DirectoryChanged change;
  change.set_name("tenants/acme/routes/acme.example");
  change.mutable_route()->set_name(change.name());
  change.mutable_route()->add_destinations("mail.acme.example:25");
  Apply({change});
  EXPECT_EQ(directory_.RouteOf("acme", "acme.example"),
            std::vector<std::string>{"mail.acme.example:25"});
  EXPECT_TRUE(directory_.RouteOf("other", "acme.example").empty());
  Apply({Gone(change)});
  EXPECT_TRUE(directory_.RouteOf("acme", "acme.example").empty());
}

TEST_F(DirectoryTest, NamesItDoesNotKnowAreLeftAlone) {
  for (const char* name :
       {"", "tenants", "tenants/a/domains", "tenants/a/later/x", "users/x", "tenants/"}) {
    DirectoryChanged change;
    change.set_name(name);
    directory_.Apply(change);
  }
  EXPECT_FALSE(directory_.complete());
}

DirectoryChanged DomainWith(const std::string& name,
                            std::function<void(provisioning::v1::Domain&)> set) {
  DirectoryChanged change = DomainChange("acme", name, true);
  set(*change.mutable_domain());
  return change;
}

TEST_F(DirectoryTest, A4_AStagedDomainIsKnownAndTakesNothingYet) {
  Apply({TenantChange("acme"), UserChange("acme", "ann@acme.example"),
         DomainWith("acme.example", [](auto& domain) {
           domain.set_state(provisioning::v1::DOMAIN_STATE_STAGED);
         })});
  directory_.Complete();
  for (const char* local : {"ann", "bob", "postmaster"})
    EXPECT_EQ(directory_.Find(local, "acme.example").standing, Standing::kStaged) << local;
  EXPECT_EQ(directory_.Find("ann", "acme.example").tenant, "acme");
  EXPECT_FALSE(directory_.FindDomain("acme.example")->live);
  const uint64_t before = directory_.version();
  Apply({DomainWith("acme.example", [](auto&) {})});
  EXPECT_GT(directory_.version(), before);
  EXPECT_EQ(directory_.Find("ann", "acme.example").standing, Standing::kAccepted);
}

TEST_F(DirectoryTest, B3_AnAddressInAnAliasDomainIsTheOneInItsTarget) {
  Apply({TenantChange("acme"), DomainChange("acme", "acme.example", true),
         DomainWith("acme.alias", [](auto& domain) { domain.set_alias_of("acme.example"); }),
         UserChange("acme", "ann@acme.example", {"info@acme.example"})});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("Info", "acme.alias").account, "ann@acme.example");
  EXPECT_EQ(directory_.Find("bob", "acme.alias").standing, Standing::kUnknownUser);
  EXPECT_EQ(directory_.Find("bob", "acme.alias").account, "bob@acme.example");
  EXPECT_EQ(directory_.FindDomain("acme.alias")->alias_of, "acme.example");
  EXPECT_EQ(directory_.FindDomain("acme.alias")->recipient_mode,
            provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED);
  Apply({Gone(DomainChange("acme", "acme.example"))});
  EXPECT_EQ(directory_.Find("ann", "acme.alias").standing, Standing::kStaged)
      << "an alias of nothing waits";
}

TEST_F(DirectoryTest, E5_CallOutAsksOnlyForThoseNobodyKnows) {
  Apply({DomainWith("acme.example",
                    [](auto& domain) {
                      domain.set_recipient_mode(provisioning::v1::RECIPIENT_MODE_CALL_OUT);
                    }),
         UserChange("acme", "ann@acme.example")});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("ann", "acme.example").standing, Standing::kAccepted);
  EXPECT_EQ(directory_.Find("abuse", "acme.example").standing, Standing::kAccepted);
  EXPECT_EQ(directory_.Find("bob", "acme.example").standing, Standing::kAskDestination);
}

TEST_F(DirectoryTest, ADisabledUserIsRefusedWhereAccountsAreRequired) {
  DirectoryChanged user = UserChange("acme", "ann@acme.example", {"info@acme.example"});
  user.mutable_user()->set_disabled(true);
  Apply({DomainChange("acme", "acme.example", true), DomainChange("acme", "any.example"), user});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("info", "acme.example").standing, Standing::kUnknownUser);
  Apply({UserChange("acme", "ann@acme.example", {"info@acme.example"})});
  EXPECT_EQ(directory_.Find("info", "acme.example").standing, Standing::kAccepted);
}

TEST_F(DirectoryTest, B2_AnObservedAddressIsAcceptedUntilItIsObsolete) {
  DirectoryChanged observed;
  observed.set_name("tenants/acme/observedAddresses/old@acme.example");
  observed.mutable_observed_address()->set_name(observed.name());
  Apply({DomainChange("acme", "acme.example", true), observed});
  directory_.Complete();
  EXPECT_EQ(directory_.Find("OLD", "acme.example").standing, Standing::kAccepted);
  Apply({Gone(observed)});
  EXPECT_EQ(directory_.Find("old", "acme.example").standing, Standing::kUnknownUser);
  // An account that took the address over is not ended by the end of the observation.
  Apply(
      {observed, UserChange("acme", "old@acme.example"), Gone(observed), observed, Gone(observed)});
  EXPECT_EQ(directory_.Find("old", "acme.example").standing, Standing::kAccepted);
}

TEST_F(DirectoryTest, C1_PoliciesComeFromTheNarrowestScopeFirst) {
  DirectoryChanged tenant = TenantChange("acme");
  tenant.mutable_tenant()->set_policy("standard");
  tenant.mutable_tenant()->set_partner("partners/reseller");
  DirectoryChanged user = UserChange("acme", "ann@acme.example");
  user.mutable_user()->set_policy("own");
  const auto group = [](const std::string& id, int32_t rank, const std::string& policy) {
    DirectoryChanged change;
    change.set_name("tenants/acme/groups/" + id);
    change.mutable_group()->set_policy(policy);
    change.mutable_group()->set_rank(rank);
    change.mutable_group()->add_members("Ann@acme.example");
    return change;
  };
  Apply({tenant, user, group("b", 1, "of-b"), group("a", 1, "of-a"), group("z", 0, "of-z"),
         group("none", 0, ""),
         DomainWith("acme.example", [](auto& domain) { domain.set_policy("of-domain"); }),
         DomainWith("acme.alias", [](auto& domain) { domain.set_alias_of("acme.example"); })});
  directory_.Complete();
  const std::vector<Assignment> all = {{"user", "own"},         {"group/z", "of-z"},
                                       {"group/a", "of-a"},     {"group/b", "of-b"},
                                       {"domain", "of-domain"}, {"tenant", "standard"}};
  EXPECT_EQ(directory_.PoliciesOf("acme", "ann@acme.example", "acme.example"), all);
  EXPECT_EQ(directory_.PoliciesOf("acme", "ann@acme.example", "acme.alias"), all);
  const std::vector<Assignment> others = {{"domain", "of-domain"}, {"tenant", "standard"}};
  EXPECT_EQ(directory_.PoliciesOf("acme", "bob@acme.example", "acme.example"), others);
  EXPECT_TRUE(directory_.PoliciesOf("other", "ann@acme.example", "acme.example").empty());
  EXPECT_EQ(directory_.PartnerOf("acme"), "reseller");
  Apply({Gone(group("z", 0, "of-z")), UserChange("acme", "ann@acme.example")});
  EXPECT_EQ(directory_.PoliciesOf("acme", "ann@acme.example", "acme.example").front().scope,
            "group/a");
}

TEST_F(DirectoryTest, WhatATenantSetsForADomainIsFound) {
  Apply({DomainWith("acme.example", [](auto& domain) {
    domain.set_monitor_only(true);
    domain.set_delivery_off(true);
    domain.mutable_queue_life()->set_seconds(3600);
  })});
  const auto facts = directory_.FindDomain("acme.example");
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->tenant, "acme");
  EXPECT_TRUE(facts->monitor_only);
  EXPECT_TRUE(facts->delivery_off);
  EXPECT_EQ(facts->queue_life, absl::Hours(1));
  EXPECT_FALSE(directory_.FindDomain("other.example").has_value());
}

TEST_F(DirectoryTest, ADomainsRelaysAreItsOwnAndItsAliases) {
  const auto relay = [](auto& domain) { domain.add_trusted_relays("192.0.2.0/24"); };
  Apply({DomainWith("acme.example", relay),
         DomainWith("acme.alias", [](auto& domain) { domain.set_alias_of("acme.example"); }),
         DomainWith("other.example", [](auto&) {})});
  const net::IpAddress client = *net::IpAddress::Parse("192.0.2.7");
  EXPECT_TRUE(directory_.IsRelayFor(client, {"ann@ACME.example", "bob@acme.alias"}));
  EXPECT_FALSE(directory_.IsRelayFor(client, {"ann@acme.example", "bob@other.example"}));
  EXPECT_FALSE(directory_.IsRelayFor(client, {"ann@nowhere.example"}));
  EXPECT_FALSE(directory_.IsRelayFor(client, {"postmaster"}));
  EXPECT_FALSE(directory_.IsRelayFor(client, {}));
  EXPECT_FALSE(directory_.IsRelayFor(*net::IpAddress::Parse("198.51.100.1"), {"ann@acme.example"}));
  Apply({DomainWith("acme.example", [](auto&) {})});
  EXPECT_FALSE(directory_.IsRelayFor(client, {"ann@acme.example"}));
}

TEST_F(DirectoryTest, ReadersAndAWriterDoNotDisturbEachOther) {
  Apply({DomainChange("acme", "acme.example", true), UserChange("acme", "ann@acme.example")});
  directory_.Complete();
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      EXPECT_EQ(directory_.Find("ann", "acme.example").standing, Standing::kAccepted);
    }
  });
  for (int i = 0; i < 2000; ++i) Apply({UserChange("acme", base::Cat("user", i, "@acme.example"))});
  stop = true;
  reader.join();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(DirectoryTest, AMillionAddressesFitIn150MegabytesCountedOnAQuarter) {
  Apply({DomainChange("acme", "acme.example", true)});
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (int i = 0; i < 125'000; ++i) {
    Apply({UserChange("acme", base::Cat("firstname.lastname", i, "@acme.example"),
                      {base::Cat("f.lastname", i, "@acme.example")})});
  }
  directory_.Complete();
  const size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  EXPECT_LT(4 * bytes, 150u << 20);
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_EQ(directory_.Find("f.lastname124999", "acme.example").account,
            "firstname.lastname124999@acme.example");
}
#endif

TEST(Directory, APartnersTenantsAreThoseThatNameHim) {
  Directory directory;
  for (const std::string id : {"b", "a", "c"}) {
    DirectoryChanged change = TenantChange(id);
    if (id != "c") change.mutable_tenant()->set_partner("partners/reseller");
    directory.Apply(change);
  }
  EXPECT_EQ(directory.TenantsOfPartner("partners/reseller"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(directory.TenantsOfPartner("partners/nobody").empty());
}

}  // namespace
}  // namespace cleanmail::directory
