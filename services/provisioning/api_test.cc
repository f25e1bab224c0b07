#include "services/provisioning/api.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "libs/dns/fake_resolver.h"
#include "libs/rpc/on_behalf.h"
#include "libs/rpc/server.h"
#include "proto/cleanmail/audit/v1/events.pb.h"
#include "services/provisioning/provisioning_fixture.h"

namespace cleanmail::provisioning {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Stub = v1::ProvisioningService::Stub;

rpc::Caller Operator() { return {.role = rpc::Role::kOperator, .id = "operator/test"}; }
rpc::Caller Partner(const std::string& partner) {
  return {.role = rpc::Role::kPartner, .id = "token/p", .partner = partner};
}
rpc::Caller TenantAdmin(const std::string& tenant) {
  return {.role = rpc::Role::kTenant, .id = "token/t", .tenant = tenant};
}
rpc::Caller DomainAdmin(const std::string& tenant, const std::string& domain) {
  return {.role = rpc::Role::kDomain, .id = "token/d", .tenant = tenant, .domains = {domain}};
}
rpc::Caller UserOf(const std::string& tenant, const std::string& user) {
  return {.role = rpc::Role::kUser, .id = "token/u", .tenant = tenant, .user = user};
}

// Whose tenants are whose, by the directory.
class PartnersOf final : public authz::Tenants {
 public:
  explicit PartnersOf(const directory::Directory& directory) : directory_(directory) {}
  std::string PartnerOf(std::string_view tenant) override { return directory_.PartnerOf(tenant); }
  std::vector<std::string> TenantsOf(std::string_view) override { return {}; }

 private:
  const directory::Directory& directory_;
};

// Two tenants, two domains and a user in each domain; the directory follows the news at once.
class ApiTest : public ProvisioningFixture {
 protected:
  void SetUp() override {
    channels_.Open(server_->InProcessChannel());
    stub_ = v1::ProvisioningService::NewStub(server_->InProcessChannel());
    for (const char* tenant : {"acme", "other"}) {
      EXPECT_TRUE(AddTenant(tenant).ok());
      for (const char* domain : {"one", "two"}) {
        const std::string name = base::Cat(domain, ".", tenant, ".example");
        EXPECT_TRUE(AddDomain(tenant, name).ok());
        EXPECT_TRUE(AddUser(tenant, base::Cat("ann@", name)).ok());
      }
    }
    Follow();
  }
  void TearDown() override {
    channels_.Close();
    server_->Stop(absl::Now());
  }
  void Follow() {
    EXPECT_TRUE(outbox_->Flush().ok());
    for (const auto& news : bus_.Events<v1::DirectoryChanged>()) directory_.Apply(news);
  }
  // The status of a call as `caller`; the reply is in *reply.
  template <class Request, class Reply>
  grpc::Status Call(const rpc::Caller& caller,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                    const Request& request, Reply* reply) {
    grpc::ClientContext context;
    context.AddMetadata(rpc::kCallerKey, rpc::ToProto(caller).SerializeAsString());
    return (stub_.get()->*method)(&context, request, reply);
  }
  grpc::StatusCode GetUser(const rpc::Caller& caller, const std::string& name) {
    v1::GetUserRequest request;
    request.set_name(name);
    v1::User reply;
    const grpc::Status status = Call(caller, &Stub::GetUser, request, &reply);
    text_ = status.error_message();
    return status.error_code();
  }
  std::vector<std::string> UsersSeen(const rpc::Caller& caller, const std::string& parent) {
    v1::ListUsersRequest request;
    request.set_parent(parent);
    v1::ListUsersResponse reply;
    code_ = Call(caller, &Stub::ListUsers, request, &reply).error_code();
    std::vector<std::string> names;
    for (const v1::User& user : reply.users()) names.push_back(user.name());
    return names;
  }
  grpc::StatusCode SetAliases(const rpc::Caller& caller, const std::string& name,
                              std::vector<std::string> aliases) {
    v1::UpdateUserRequest request;
    request.mutable_user()->set_name(name);
    for (const std::string& alias : aliases) request.mutable_user()->add_aliases(alias);
    request.mutable_update_mask()->add_paths("aliases");
    v1::User reply;
    return Call(caller, &Stub::UpdateUser, request, &reply).error_code();
  }

  directory::Directory directory_;
  PartnersOf tenants_{directory_};
  base::SystemClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry registry_;
  authz::Authorizer authz_{bus_, clock_, *log_, &tenants_};
  dns::FakeResolver resolver_;
  Api api_{ApiParts{*accounts_, *snapshots_, authz_, resolver_, directory_, "gw.example"}};
  std::unique_ptr<rpc::Server> server_ =
      *rpc::Server::Start({&api_}, {.socket_path = {}}, *log_, registry_);
  rpc::LocalChannels channels_;
  std::unique_ptr<Stub> stub_;
  std::string text_;
  grpc::StatusCode code_ = grpc::OK;
};

constexpr char kAnn[] = "tenants/acme/users/ann@one.acme.example";
constexpr char kAnnTwo[] = "tenants/acme/users/ann@two.acme.example";
constexpr char kStranger[] = "tenants/other/users/ann@one.other.example";

TEST_F(ApiTest, T_D8_AnotherTenantsResourceIsMissingInTheSameWordsAsOneThatIsNot) {
  const rpc::Caller admin = TenantAdmin("acme");
  EXPECT_EQ(GetUser(admin, kAnn), grpc::OK);
  EXPECT_EQ(GetUser(admin, kStranger), grpc::NOT_FOUND);
  const std::string words = text_;
  EXPECT_EQ(GetUser(admin, "tenants/acme/users/nobody@one.acme.example"), grpc::NOT_FOUND);
  EXPECT_EQ(text_, words);
  EXPECT_THAT(UsersSeen(admin, "tenants/acme"), SizeIs(2));
  EXPECT_THAT(UsersSeen(admin, "tenants/other"), SizeIs(0));
  EXPECT_EQ(code_, grpc::NOT_FOUND);
  EXPECT_THAT(UsersSeen(admin, "tenants/-"), SizeIs(2));
}

TEST_F(ApiTest, A8_ADomainAdministratorTouchesOnlyWhatIsInHisDomains) {
  const rpc::Caller admin = DomainAdmin("acme", "one.acme.example");
  EXPECT_THAT(UsersSeen(admin, "tenants/acme"), ElementsAre(kAnn));
  EXPECT_EQ(GetUser(admin, kAnnTwo), grpc::NOT_FOUND);
  EXPECT_EQ(SetAliases(admin, kAnn, {"a@one.acme.example"}), grpc::OK);
  EXPECT_EQ(SetAliases(admin, kAnn, {"a@two.acme.example"}), grpc::NOT_FOUND);
  EXPECT_EQ(SetAliases(admin, kAnnTwo, {}), grpc::NOT_FOUND);
  v1::CreateUserRequest create;
  create.mutable_user()->set_name("tenants/acme/users/eve@one.acme.example");
  create.mutable_user()->add_aliases("eve@two.acme.example");
  v1::User made;
  EXPECT_EQ(Call(admin, &Stub::CreateUser, create, &made).error_code(), grpc::NOT_FOUND);
  create.mutable_user()->clear_aliases();
  EXPECT_EQ(Call(admin, &Stub::CreateUser, create, &made).error_code(), grpc::OK);
  // A user of his with an alias elsewhere: he may not free that alias.
  EXPECT_EQ(SetAliases(Operator(), kAnn, {"a@two.acme.example"}), grpc::OK);
  v1::DeleteUserRequest remove;
  remove.set_name(kAnn);
  v1::DeleteResponse gone;
  EXPECT_EQ(Call(admin, &Stub::DeleteUser, remove, &gone).error_code(), grpc::NOT_FOUND);
}

TEST_F(ApiTest, A8_AUserSeesHimselfAndChangesNothing) {
  const rpc::Caller user = UserOf("acme", "ann@one.acme.example");
  EXPECT_THAT(UsersSeen(user, "tenants/acme"), ElementsAre(kAnn));
  EXPECT_EQ(GetUser(user, kAnn), grpc::OK);
  EXPECT_EQ(GetUser(user, kAnnTwo), grpc::NOT_FOUND);
  EXPECT_EQ(SetAliases(user, kAnn, {}), grpc::PERMISSION_DENIED);
}

TEST_F(ApiTest, A8_APartnerMakesTenantsOfItsOwnAndSeesOnlyThem) {
  v1::CreatePartnerRequest partner;
  partner.mutable_partner()->set_name("partners/reseller");
  v1::Partner made_partner;
  EXPECT_EQ(Call(TenantAdmin("acme"), &Stub::CreatePartner, partner, &made_partner).error_code(),
            grpc::PERMISSION_DENIED);
  ASSERT_EQ(Call(Operator(), &Stub::CreatePartner, partner, &made_partner).error_code(), grpc::OK);
  v1::CreateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/mine");
  v1::Tenant tenant;
  std::thread news([this] {
    absl::SleepFor(absl::Milliseconds(50));
    Follow();
  });
  const grpc::Status status = Call(Partner("reseller"), &Stub::CreateTenant, request, &tenant);
  news.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(tenant.partner(), "partners/reseller");
  v1::ListTenantsResponse seen;
  ASSERT_TRUE(Call(Partner("reseller"), &Stub::ListTenants, {}, &seen).ok());
  ASSERT_THAT(seen.tenants(), SizeIs(1));
  EXPECT_EQ(seen.tenants(0).name(), "tenants/mine");
  v1::GetTenantRequest get;
  get.set_name("tenants/acme");
  EXPECT_EQ(Call(Partner("reseller"), &Stub::GetTenant, get, &tenant).error_code(),
            grpc::NOT_FOUND);
  request.mutable_tenant()->set_name("tenants/theirs");
  request.mutable_tenant()->set_partner("partners/another");
  EXPECT_NE(Call(Partner("reseller"), &Stub::CreateTenant, request, &tenant).error_code(),
            grpc::OK);
}

TEST_F(ApiTest, ATenantChangesItsNameButNotWhoMaySendForIt) {
  v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/acme");
  request.mutable_tenant()->set_display_name("Acme");
  v1::Tenant reply;
  EXPECT_EQ(Call(TenantAdmin("acme"), &Stub::UpdateTenant, request, &reply).error_code(), grpc::OK);
  request.mutable_tenant()->add_sending_networks("0.0.0.0/0");
  EXPECT_EQ(Call(TenantAdmin("acme"), &Stub::UpdateTenant, request, &reply).error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_EQ(accounts_->Get<v1::Tenant>("tenants/acme")->sending_networks_size(), 0);
}

TEST_F(ApiTest, WhichRelaysAreBelievedIsNotTheTenantsWordAlone) {
  v1::UpdateDomainRequest request;
  request.mutable_domain()->set_name("tenants/acme/domains/one.acme.example");
  request.mutable_domain()->add_trusted_relays("192.0.2.0/24");
  v1::Domain reply;
  EXPECT_EQ(Call(TenantAdmin("acme"), &Stub::UpdateDomain, request, &reply).error_code(),
            grpc::PERMISSION_DENIED);
  ASSERT_TRUE(Call(Operator(), &Stub::UpdateDomain, request, &reply).ok());
  EXPECT_THAT(reply.trusted_relays(), SizeIs(1));
  request.mutable_domain()->clear_trusted_relays();
  request.mutable_domain()->set_monitor_only(true);
  request.mutable_update_mask()->add_paths("monitor_only");
  EXPECT_TRUE(Call(TenantAdmin("acme"), &Stub::UpdateDomain, request, &reply).ok())
      << "what he may change, he may change beside them";
  v1::CreateDomainRequest create;
  create.mutable_domain()->set_name("tenants/acme/domains/three.acme.example");
  create.mutable_domain()->add_trusted_relays("192.0.2.0/24");
  EXPECT_EQ(Call(TenantAdmin("acme"), &Stub::CreateDomain, create, &reply).error_code(),
            grpc::PERMISSION_DENIED);
  for (const char* const network : {"0.0.0.0/0", "10.0.0.0/7", "2001::/16", "x", "192.0.2.1/24"}) {
    request.mutable_domain()->clear_trusted_relays();
    request.mutable_domain()->add_trusted_relays(network);
    request.mutable_update_mask()->clear_paths();
    request.mutable_update_mask()->add_paths("trusted_relays");
    EXPECT_EQ(Call(Operator(), &Stub::UpdateDomain, request, &reply).error_code(),
              grpc::INVALID_ARGUMENT)
        << network;
  }
}

TEST_F(ApiTest, A4_GoLiveWarnsWhenNothingCouldReceive) {
  v1::GoLiveRequest request;
  request.set_name("tenants/acme/domains/one.acme.example");
  request.set_validate_only(true);
  v1::GoLiveResponse reply;
  ASSERT_TRUE(Call(TenantAdmin("acme"), &Stub::GoLive, request, &reply).ok());
  EXPECT_THAT(reply.warnings(), SizeIs(1));
  EXPECT_THAT(reply.warnings(0), HasSubstr("has no MX"));
  resolver_.SetMx("one.acme.example", {{10, "gw.example"}});
  reply.Clear();
  ASSERT_TRUE(Call(TenantAdmin("acme"), &Stub::GoLive, request, &reply).ok());
  EXPECT_THAT(reply.warnings(0), HasSubstr("round in a circle"));
}

TEST_F(ApiTest, EveryChangeIsAuditedWithWhatWasAndWhatIs) {
  ASSERT_EQ(SetAliases(TenantAdmin("acme"), kAnn, {"a@one.acme.example"}), grpc::OK);
  const auto events = bus_.Events<audit::v1::AuditRecorded>();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().actor(), "token/t");
  EXPECT_EQ(events.back().resource(), kAnn);
  EXPECT_THAT(events.back().after(), HasSubstr("a@one.acme.example"));
  EXPECT_EQ(events.back().before().find("a@one.acme.example"), std::string::npos);
}

TEST_F(ApiTest, ServicesOnlyMethodsAreNotForPeople) {
  v1::SnapshotResponse reply;
  EXPECT_EQ(Call(Operator(), &Stub::Snapshot, {}, &reply).error_code(), grpc::PERMISSION_DENIED);
}

}  // namespace
}  // namespace cleanmail::provisioning
