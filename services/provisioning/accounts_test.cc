#include "services/provisioning/accounts.h"

#include <gmock/gmock.h>

#include "libs/rpc/answer.h"
#include "services/provisioning/provisioning_fixture.h"

namespace cleanmail::provisioning {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class AccountsTest : public ProvisioningFixture {};

TEST_F(AccountsTest, C2_ANewTenantHasTheStandardPolicy) {
  const auto tenant = AddTenant("acme");
  ASSERT_TRUE(tenant.ok()) << tenant.status();
  EXPECT_EQ(tenant->policy(), "standard");
  EXPECT_EQ(AddTenant("other", {}, "without-report")->policy(), "without-report");
}

TEST_F(AccountsTest, EveryChangeIsTold) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "Example.ORG").ok());
  ASSERT_TRUE(AddUser("acme", "Ann@example.org", {"a.smith@EXAMPLE.org"}).ok());
  ASSERT_TRUE(AddRoute("acme", "example.org", {"192.0.2.1:25"}).ok());
  ASSERT_TRUE(accounts_->Delete<v1::User>("tenants/acme/users/ann@example.org", "").status().ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  const auto news = bus_.Events<v1::DirectoryChanged>();
  ASSERT_THAT(news, SizeIs(5));
  EXPECT_EQ(news[1].name(), "tenants/acme/domains/example.org");
  EXPECT_EQ(news[1].domain().recipient_mode(), v1::RECIPIENT_MODE_ANY);
  EXPECT_THAT(news[2].user().aliases(), ElementsAre("a.smith@example.org"));
  EXPECT_EQ(news[4].name(), "tenants/acme/users/ann@example.org");
  EXPECT_TRUE(news[4].deleted());
}

TEST_F(AccountsTest, ADomainAndAnAddressBelongToOne) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddTenant("other").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  const auto taken = AddDomain("other", "EXAMPLE.org");
  EXPECT_TRUE(absl::IsAlreadyExists(taken.status()));
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("example.org is already taken"));
  ASSERT_TRUE(AddUser("acme", "ann@example.org", {"info@example.org"}).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(AddUser("acme", "bob@example.org", {"info@example.org"}).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(AddUser("acme", "info@example.org").status()));
  EXPECT_TRUE(AddUser("acme", "bob@example.org").ok())
      << "the failed attempt has left nothing behind";
}

TEST_F(AccountsTest, ParentsMustExistAndChildrenMustBeGone) {
  EXPECT_TRUE(absl::IsNotFound(AddDomain("acme", "example.org").status()));
  ASSERT_TRUE(AddTenant("acme").ok());
  EXPECT_TRUE(absl::IsNotFound(AddUser("acme", "ann@example.org").status()));
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(AddUser("acme", "bob@example.org", {"x@other.example"}).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(accounts_->Delete<v1::Tenant>("tenants/acme", "").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      accounts_->Delete<v1::Domain>("tenants/acme/domains/example.org", "").status()));
  ASSERT_TRUE(accounts_->Delete<v1::User>("tenants/acme/users/ann@example.org", "").status().ok());
  ASSERT_TRUE(accounts_->Delete<v1::Domain>("tenants/acme/domains/example.org", "").status().ok());
  ASSERT_TRUE(accounts_->Delete<v1::Tenant>("tenants/acme", "").status().ok());
  EXPECT_TRUE(absl::IsNotFound(accounts_->Delete<v1::Tenant>("tenants/acme", "").status()));
}

TEST_F(AccountsTest, BadInputIsRefusedWithTheFieldsName) {
  for (const std::string_view id : {"", "Acme", "a_b", "-a", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(AddTenant(std::string(id)).status())) << id;
  }
  EXPECT_THAT(std::string(AddTenant("acme", {"10.0.0.0/33"}).status().message()),
              HasSubstr("sending_networks"));
  EXPECT_THAT(std::string(AddTenant("acme", {}, "No Policy").status().message()),
              HasSubstr("policy"));
  ASSERT_TRUE(AddTenant("acme").ok());
  for (const std::string_view domain : {"ex ample.org", "example..org", "[192.0.2.1]", "a@b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(AddDomain("acme", std::string(domain)).status())) << domain;
  }
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  EXPECT_THAT(std::string(AddRoute("acme", "example.org", {}).status().message()),
              HasSubstr("destinations"));
  EXPECT_THAT(std::string(AddRoute("acme", "example.org", {"host:99999"}).status().message()),
              HasSubstr("destinations"));
  EXPECT_TRUE(absl::IsInvalidArgument(AddUser("acme", "not-an-address").status()));
}

TEST_F(AccountsTest, AnInternationalDomainIsKeptInALabels) {
  ASSERT_TRUE(AddTenant("acme").ok());
  const auto domain = AddDomain("acme", "Bücher.example");
  ASSERT_TRUE(domain.ok()) << domain.status();
  EXPECT_EQ(domain->name(), "tenants/acme/domains/xn--bcher-kva.example");
}

TEST_F(AccountsTest, ListsInPagesAndByTenant) {
  for (const char* tenant : {"a", "b"}) {
    ASSERT_TRUE(AddTenant(tenant).ok());
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(AddDomain(tenant, base::Cat("d", i, ".", tenant, ".example")).ok());
  }
  const auto first = accounts_->List<v1::Domain>({.tenant = ""}, "", 4);
  ASSERT_THAT(first->items, SizeIs(4));
  const auto second = accounts_->List<v1::Domain>({.tenant = ""}, first->next_key, 4);
  EXPECT_THAT(second->items, SizeIs(2));
  EXPECT_EQ(second->next_key, "");
  EXPECT_THAT(accounts_->List<v1::Domain>({.tenant = "b"}, "", 10)->items, SizeIs(3));
}

TEST_F(AccountsTest, ASnapshotHoldsEverythingAndAPositionToFollowFrom) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  ASSERT_TRUE(AddRoute("acme", "example.org", {"mail.example.org"}).ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  const auto page = snapshots_->Read("");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->content.position(), 3);
  EXPECT_THAT(page->content.tenants(), SizeIs(1));
  EXPECT_THAT(page->content.domains(), SizeIs(1));
  EXPECT_THAT(page->content.users(), SizeIs(1));
  EXPECT_THAT(page->content.routes(), SizeIs(1));
  EXPECT_EQ(page->next_key, "");
  EXPECT_TRUE(absl::IsInvalidArgument(snapshots_->Read("nonsense").status()));
}

TEST_F(AccountsTest, ATenantsKeyStaysTheSameAndDiesWithIt) {
  EXPECT_TRUE(absl::IsNotFound(snapshots_->TenantKey("acme").status()));
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddTenant("other").ok());
  const auto key = snapshots_->TenantKey("acme");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_THAT(*key, SizeIs(32));
  EXPECT_EQ(*snapshots_->TenantKey("acme"), *key);
  EXPECT_NE(*snapshots_->TenantKey("other"), *key);
  ASSERT_TRUE(accounts_->Delete<v1::Tenant>("tenants/acme", "").status().ok());
  ASSERT_TRUE(AddTenant("acme").ok());
  EXPECT_NE(*snapshots_->TenantKey("acme"), *key);
}

google::protobuf::FieldMask Mask(std::initializer_list<const char*> paths) {
  google::protobuf::FieldMask mask;
  for (const char* path : paths) mask.add_paths(path);
  return mask;
}

template <class T>
absl::Status Anything(const T&, const T&) {
  return absl::OkStatus();
}

TEST_F(AccountsTest, AnUpdateChangesWhatTheMaskNamesAndTheEtagWithIt) {
  ASSERT_TRUE(AddTenant("acme").ok());
  v1::Tenant update;
  update.set_name("tenants/acme");
  update.set_display_name("Acme");
  update.set_time_zone("Europe/Zurich");
  const auto before = accounts_->Get<v1::Tenant>("tenants/acme");
  const auto changed =
      accounts_->Update<v1::Tenant>(update, Mask({"display_name"}), Anything<v1::Tenant>);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->after.display_name(), "Acme");
  EXPECT_EQ(changed->after.time_zone(), "");
  EXPECT_EQ(changed->after.policy(), "standard");
  EXPECT_NE(changed->after.etag(), before->etag());
  EXPECT_EQ(accounts_->Get<v1::Tenant>("tenants/acme")->etag(), changed->after.etag());
  const auto all = accounts_->Update<v1::Tenant>(update, Mask({"*"}), Anything<v1::Tenant>);
  EXPECT_EQ(all->after.time_zone(), "Europe/Zurich");
  EXPECT_TRUE(absl::IsInvalidArgument(
      accounts_->Update<v1::Tenant>(update, Mask({"nonsense"}), Anything<v1::Tenant>).status()));
  update.set_time_zone("../../etc/passwd");
  const auto wrong = accounts_->Update<v1::Tenant>(update, {}, Anything<v1::Tenant>);
  EXPECT_EQ(rpc::FieldOf(wrong.status()), "time_zone");
}

TEST_F(AccountsTest, E4_WhomStrangersMayPretendToBeIsKeptInNormalForm) {
  ASSERT_TRUE(AddTenant("acme").ok());
  v1::Tenant update;
  update.set_name("tenants/acme");
  v1::ProtectedPerson& person = *update.mutable_impersonation()->add_protected_people();
  person.set_name("Hanna Muster");
  person.add_addresses("Hanna@HOME.example");
  update.mutable_impersonation()->add_extra_domains("Bücher.example");
  const auto mask = Mask({"impersonation"});
  const auto changed = accounts_->Update<v1::Tenant>(update, mask, Anything<v1::Tenant>);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->after.impersonation().extra_domains(0), "xn--bcher-kva.example");
  EXPECT_EQ(changed->after.impersonation().protected_people(0).addresses(0), "hanna@home.example");
  person.set_name("Hanna");
  EXPECT_EQ(
      rpc::FieldOf(accounts_->Update<v1::Tenant>(update, mask, Anything<v1::Tenant>).status()),
      "impersonation.protected_people[0].name");
}

TEST_F(AccountsTest, AnOldEtagIsRefusedInUpdateAndDelete) {
  ASSERT_TRUE(AddTenant("acme").ok());
  v1::Tenant update = *accounts_->Get<v1::Tenant>("tenants/acme");
  update.set_display_name("first");
  ASSERT_TRUE(accounts_->Update<v1::Tenant>(update, {}, Anything<v1::Tenant>).ok());
  const std::string old = update.etag();
  update.set_display_name("second");
  const auto refused = accounts_->Update<v1::Tenant>(update, {}, Anything<v1::Tenant>);
  EXPECT_TRUE(absl::IsAborted(refused.status()));
  EXPECT_EQ(rpc::ReasonOf(refused.status()), "ETAG_MISMATCH");
  EXPECT_TRUE(absl::IsAborted(accounts_->Delete<v1::Tenant>("tenants/acme", old).status()));
  const std::string etag = accounts_->Get<v1::Tenant>("tenants/acme")->etag();
  EXPECT_TRUE(accounts_->Delete<v1::Tenant>("tenants/acme", etag).ok());
}

TEST_F(AccountsTest, B3_AnAliasDomainHasNoAddressesOfItsOwn) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  v1::Domain alias;
  alias.set_name("tenants/acme/domains/example.net");
  alias.set_alias_of("Example.ORG");
  const auto made = accounts_->Create<v1::Domain>(alias);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->alias_of(), "example.org");
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  EXPECT_THAT(std::string(AddUser("acme", "ann@example.net").status().message()),
              HasSubstr("give the address there"));
  EXPECT_TRUE(
      absl::IsInvalidArgument(AddUser("acme", "bob@example.org", {"x@example.net"}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      accounts_->Delete<v1::Domain>("tenants/acme/domains/example.org", "").status()));
  // No chains, no circles, none over addresses of its own.
  v1::Domain chain;
  chain.set_name("tenants/acme/domains/example.com");
  chain.set_alias_of("example.net");
  EXPECT_EQ(rpc::FieldOf(accounts_->Create<v1::Domain>(chain).status()), "alias_of");
  v1::Domain circle;
  circle.set_name("tenants/acme/domains/example.org");
  circle.set_alias_of("example.net");
  EXPECT_EQ(rpc::FieldOf(accounts_->Update<v1::Domain>(circle, {}, Anything<v1::Domain>).status()),
            "alias_of");
}

TEST_F(AccountsTest, B2_AnObservedAddressIsKeptMadeAnAliasOrTakenByANewUser) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  for (const char* address : {"old@example.org", "new@example.org"}) {
    v1::ObservedAddress observed;
    observed.set_name(base::Cat("tenants/acme/observedAddresses/", address));
    const auto made = accounts_->Create<v1::ObservedAddress>(observed);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->review(), v1::ObservedAddress::REVIEW_TO_BE_CHECKED);
  }
  EXPECT_THAT(accounts_->List<v1::ObservedAddress>({.mark = "REVIEW_TO_BE_CHECKED"}, "", 9)->items,
              SizeIs(2));
  EXPECT_TRUE(absl::IsAlreadyExists([&] {
    v1::ObservedAddress taken;
    taken.set_name("tenants/acme/observedAddresses/ann@example.org");
    return accounts_->Create<v1::ObservedAddress>(taken).status();
  }()));
  const auto alias = accounts_->MakeAlias("tenants/acme/observedAddresses/old@example.org",
                                          "tenants/acme/users/ann@example.org", Anything<v1::User>);
  ASSERT_TRUE(alias.ok()) << alias.status();
  EXPECT_THAT(alias->after.aliases(), ElementsAre("old@example.org"));
  ASSERT_TRUE(AddUser("acme", "new@example.org").ok());
  EXPECT_THAT(accounts_->List<v1::ObservedAddress>({}, "", 9)->items, SizeIs(0));
}

TEST_F(AccountsTest, AGroupLosesTheUserWhoIsDeletedAndTakesOnlyUsersOfItsTenant) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  v1::Group group;
  group.set_name("tenants/acme/groups/staff");
  group.add_members("nobody@example.org");
  EXPECT_EQ(rpc::FieldOf(accounts_->Create<v1::Group>(group).status()), "members[0]");
  group.set_members(0, "Ann@example.org");
  ASSERT_TRUE(accounts_->Create<v1::Group>(group).ok());
  ASSERT_TRUE(accounts_->Delete<v1::User>("tenants/acme/users/ann@example.org", "").ok());
  EXPECT_THAT(accounts_->Get<v1::Group>("tenants/acme/groups/staff")->members(), SizeIs(0));
}

TEST_F(AccountsTest, T_D5_TextOfPeopleIsNeverAPatternOrAStatement) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "a_b.example").ok());
  ASSERT_TRUE(AddDomain("acme", "axb.example").ok());
  ASSERT_TRUE(AddUser("acme", "ann@axb.example").ok());
  EXPECT_TRUE(accounts_->Delete<v1::Domain>("tenants/acme/domains/a_b.example", "").ok())
      << "an underscore is no wildcard";
  EXPECT_THAT(accounts_->List<v1::User>({.search = "a_n"}, "", 9)->items, SizeIs(0));
  EXPECT_THAT(accounts_->List<v1::User>({.search = "%"}, "", 9)->items, SizeIs(0));
  EXPECT_THAT(accounts_->List<v1::User>({.search = "' OR '1'='1"}, "", 9)->items, SizeIs(0));
  EXPECT_THAT(accounts_->List<v1::User>({.search = "ANN@"}, "", 9)->items, SizeIs(1));
}

TEST_F(AccountsTest, ARouteToTheGatewayItselfOrAPortOfNoMailServerIsRefused) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  for (const char* destination :
       {"127.0.0.1:25", "[::1]:25", "169.254.169.254:25", "192.0.2.1:22", "mail.example.org:80"}) {
    const auto route = AddRoute("acme", "example.org", {"192.0.2.1", destination});
    EXPECT_EQ(rpc::FieldOf(route.status()), "destinations[1]") << destination;
  }
  EXPECT_TRUE(AddRoute("acme", "example.org", {"10.1.2.3:2525"}).ok());
}

TEST_F(AccountsTest, A4_GoingLiveSaysWhatIsMissing) {
  ASSERT_TRUE(AddTenant("acme").ok());
  v1::Domain domain;
  domain.set_name("tenants/acme/domains/example.org");
  domain.set_state(v1::DOMAIN_STATE_STAGED);
  domain.set_recipient_mode(v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED);
  ASSERT_TRUE(accounts_->Create<v1::Domain>(domain).ok());
  const auto readiness = accounts_->LookAt(domain.name());
  ASSERT_TRUE(readiness.ok());
  EXPECT_FALSE(readiness->has_route);
  EXPECT_THAT(readiness->warnings, SizeIs(1));
  const auto live = accounts_->GoLive(domain.name());
  EXPECT_EQ(live->after.state(), v1::DOMAIN_STATE_LIVE);
}

}  // namespace
}  // namespace cleanmail::provisioning
