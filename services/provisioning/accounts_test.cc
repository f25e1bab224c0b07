#include "services/provisioning/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/store/sql/sqlite_database.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::provisioning {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() {
    EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok());
    outbox_ = outbox::Outbox::Create(*database_, bus_);
    store_ = std::make_unique<Store>(*database_, *outbox_);
    accounts_ = std::make_unique<Accounts>(*store_, bus_, random_, std::string(32, 'm'));
  }
  static std::unique_ptr<sql::Database> Open() {
    static int number = 0;
    auto database = sql::OpenSqlite(
        base::Cat(::testing::TempDir(), "/accounts-", getpid(), "-", ++number, ".db"));
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  absl::StatusOr<v1::Tenant> AddTenant(const std::string& id,
                                       std::vector<std::string> networks = {},
                                       const std::string& policy = "") {
    v1::Tenant tenant;
    tenant.set_name("tenants/" + id);
    tenant.set_policy(policy);
    for (const std::string& network : networks) tenant.add_sending_networks(network);
    return accounts_->CreateTenant(tenant);
  }
  absl::StatusOr<v1::Domain> AddDomain(const std::string& tenant, const std::string& domain) {
    v1::Domain request;
    request.set_name(base::Cat("tenants/", tenant, "/domains/", domain));
    return accounts_->CreateDomain(request);
  }
  absl::StatusOr<v1::User> AddUser(const std::string& tenant, const std::string& address,
                                   std::vector<std::string> aliases = {}) {
    v1::User user;
    user.set_name(base::Cat("tenants/", tenant, "/users/", address));
    for (const std::string& alias : aliases) user.add_aliases(alias);
    return accounts_->CreateUser(user);
  }
  absl::StatusOr<v1::Route> AddRoute(const std::string& tenant, const std::string& domain,
                                     std::vector<std::string> destinations) {
    v1::Route route;
    route.set_name(base::Cat("tenants/", tenant, "/routes/", domain));
    for (const std::string& destination : destinations) route.add_destinations(destination);
    return accounts_->CreateRoute(route);
  }

  base::FakeRandom random_;
  bus::FakeBus bus_;
  std::unique_ptr<sql::Database> database_ = Open();
  std::unique_ptr<outbox::Outbox> outbox_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Accounts> accounts_;
};

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
  ASSERT_TRUE(accounts_->DeleteUser("tenants/acme/users/ann@example.org").ok());
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
  EXPECT_TRUE(absl::IsFailedPrecondition(accounts_->DeleteTenant("tenants/acme")));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(accounts_->DeleteDomain("tenants/acme/domains/example.org")));
  ASSERT_TRUE(accounts_->DeleteUser("tenants/acme/users/ann@example.org").ok());
  ASSERT_TRUE(accounts_->DeleteDomain("tenants/acme/domains/example.org").ok());
  ASSERT_TRUE(accounts_->DeleteTenant("tenants/acme").ok());
  EXPECT_TRUE(absl::IsNotFound(accounts_->DeleteTenant("tenants/acme")));
}

TEST_F(AccountsTest, BadInputIsRefusedWithTheFieldsName) {
  for (const std::string_view id : {"", "Acme", "a_b", "-a", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(AddTenant(std::string(id)).status())) << id;
  }
  EXPECT_THAT(std::string(AddTenant("acme", {"10.0.0.0/33"}).status().message()),
              HasSubstr("sending_networks"));
  EXPECT_THAT(std::string(AddTenant("acme", {}, "strict").status().message()), HasSubstr("policy"));
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
  const auto first = accounts_->ListDomains("", "", 4);
  ASSERT_THAT(first->items, SizeIs(4));
  const auto second = accounts_->ListDomains("", first->next_key, 4);
  EXPECT_THAT(second->items, SizeIs(2));
  EXPECT_EQ(second->next_key, "");
  EXPECT_THAT(accounts_->ListDomains("b", "", 10)->items, SizeIs(3));
}

TEST_F(AccountsTest, ASnapshotHoldsEverythingAndAPositionToFollowFrom) {
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddDomain("acme", "example.org").ok());
  ASSERT_TRUE(AddUser("acme", "ann@example.org").ok());
  ASSERT_TRUE(AddRoute("acme", "example.org", {"mail.example.org"}).ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  const auto page = accounts_->Snapshot("");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->position, 3);
  EXPECT_THAT(page->tenants, SizeIs(1));
  EXPECT_THAT(page->domains, SizeIs(1));
  EXPECT_THAT(page->users, SizeIs(1));
  EXPECT_THAT(page->routes, SizeIs(1));
  EXPECT_EQ(page->next_key, "");
  EXPECT_TRUE(absl::IsInvalidArgument(accounts_->Snapshot("nonsense").status()));
}

TEST_F(AccountsTest, ATenantsKeyStaysTheSameAndDiesWithIt) {
  EXPECT_TRUE(absl::IsNotFound(accounts_->TenantKey("acme").status()));
  ASSERT_TRUE(AddTenant("acme").ok());
  ASSERT_TRUE(AddTenant("other").ok());
  const auto key = accounts_->TenantKey("acme");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_THAT(*key, SizeIs(32));
  EXPECT_EQ(*accounts_->TenantKey("acme"), *key);
  EXPECT_NE(*accounts_->TenantKey("other"), *key);
  ASSERT_TRUE(accounts_->DeleteTenant("tenants/acme").ok());
  ASSERT_TRUE(AddTenant("acme").ok());
  EXPECT_NE(*accounts_->TenantKey("acme"), *key);
}

}  // namespace
}  // namespace cleanmail::provisioning
