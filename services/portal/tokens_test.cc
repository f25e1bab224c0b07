#include "services/portal/tokens.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/rpc/answer.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::portal {
namespace {

using rpc::Caller;
using rpc::Role;

const Caller kOperator{.role = Role::kOperator, .id = "operator/local"};

class TokensTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string id : {"acme", "rival"}) {
      provisioning::v1::DirectoryChanged tenant;
      tenant.set_name(base::Cat("tenants/", id));
      tenant.mutable_tenant()->set_name(tenant.name());
      directory_.Apply(tenant);
      provisioning::v1::DirectoryChanged domain;
      domain.set_name(base::Cat("tenants/", id, "/domains/", id, ".example"));
      domain.mutable_domain()->set_name(domain.name());
      directory_.Apply(domain);
    }
    directory_.Complete();
  }
  NewToken Make(const TokenWish& wish) {
    absl::StatusOr<NewToken> made = tokens_.Create(wish, kOperator);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *std::move(made) : NewToken();
  }
  // The field a wish is refused for.
  std::string Refused(const TokenWish& wish) {
    return rpc::FieldOf(tokens_.Create(wish, kOperator).status());
  }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  Store store_{*database_};
  directory::Directory directory_;
  base::FakeClock clock_;
  base::FakeRandom random_;
  Tokens tokens_{store_, directory_, clock_, random_};
};

TEST_F(TokensTest, ASecretIsItsOwnersUntilItIsOverOrRevoked) {
  const NewToken made = Make({.parent = "tenants/acme",
                              .role = Role::kDomain,
                              .domains = {"acme.example"},
                              .scopes = {"holds.*"},
                              .expires = clock_.Now() + absl::Hours(1)});
  const absl::StatusOr<Caller> caller = tokens_.Authenticate(made.secret);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->role, Role::kDomain);
  EXPECT_EQ(caller->tenant, "acme");
  EXPECT_EQ(caller->domains, std::vector<std::string>{"acme.example"});
  EXPECT_EQ(caller->scopes, std::vector<std::string>{"holds.*"});
  EXPECT_EQ(caller->id, base::Cat("token/", made.row.id));
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(tokens_.Authenticate(made.secret).status().code(), absl::StatusCode::kUnauthenticated);

  const NewToken other = Make({.parent = "partners/p", .role = Role::kPartner});
  EXPECT_EQ(tokens_.Authenticate(other.secret)->partner, "p");
  EXPECT_FALSE(tokens_.Revoke("tenants/acme", other.row.id).ok());  // not his
  EXPECT_TRUE(tokens_.Revoke("partners/p", other.row.id).ok());
  EXPECT_FALSE(tokens_.Authenticate(other.secret).ok());
}

TEST_F(TokensTest, ASecretIsNowhereInTheDatabase) {
  const NewToken made = Make({.role = Role::kOperator});
  const std::string random_part = made.secret.substr(36);
  const absl::Status read = database_->Read([&](sql::Session& session) -> absl::Status {
    auto rows = session.Query(
        "SELECT id || parent || secret_hash || description || domains || account || scopes || "
        "creator FROM api_tokens");
    if (!rows.ok()) return rows.status();
    EXPECT_EQ(rows->size(), 1u);
    for (const sql::Row& row : *rows) EXPECT_EQ(row.Text(0).find(random_part), std::string::npos);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
}

TEST_F(TokensTest, T_E7_WhatIsNotASecretIsNobodys) {
  const std::string secret = Make({.role = Role::kOperator}).secret;
  std::string other = secret;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  for (const std::string& wrong :
       {std::string(), secret + "x", secret.substr(1), other, std::string(secret.size(), '\xff'),
        std::string(10'000, 'a'), "cm_" + std::string(32, '%') + "_" + secret.substr(36)}) {
    EXPECT_EQ(tokens_.Authenticate(wrong).status().code(), absl::StatusCode::kUnauthenticated);
  }
}

TEST_F(TokensTest, AGoneTenantsTokensAreNobodys) {
  const NewToken made = Make({.parent = "tenants/acme", .role = Role::kTenant});
  EXPECT_TRUE(tokens_.Authenticate(made.secret).ok());
  provisioning::v1::DirectoryChanged gone;
  gone.set_name("tenants/acme");
  gone.set_deleted(true);
  directory_.Apply(gone);
  EXPECT_FALSE(tokens_.Authenticate(made.secret).ok());
  // A later tenant of that name does not inherit them.
  ASSERT_TRUE(tokens_.ForgetOrphans().ok());
  gone.set_deleted(false);
  gone.mutable_tenant()->set_name("tenants/acme");
  directory_.Apply(gone);
  EXPECT_FALSE(tokens_.Authenticate(made.secret).ok());
}

TEST_F(TokensTest, LastUseIsWrittenOnceAMinute) {
  const NewToken made = Make({.role = Role::kOperator});
  EXPECT_EQ(tokens_.Get("", made.row.id)->used_at_us, 0);
  EXPECT_TRUE(tokens_.Authenticate(made.secret).ok());
  const int64_t first = tokens_.Get("", made.row.id)->used_at_us;
  EXPECT_EQ(first, base::NowMicros(clock_));
  clock_.Advance(absl::Seconds(59));
  EXPECT_TRUE(tokens_.Authenticate(made.secret).ok());
  EXPECT_EQ(tokens_.Get("", made.row.id)->used_at_us, first);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(tokens_.Authenticate(made.secret).ok());
  EXPECT_GT(tokens_.Get("", made.row.id)->used_at_us, first);
}

TEST_F(TokensTest, AWishThatDoesNotFitNamesItsField) {
  const std::string acme = "tenants/acme";
  EXPECT_EQ(Refused({.role = Role::kTenant}), "api_token.role");
  EXPECT_EQ(Refused({.parent = "partners/p", .role = Role::kTenant}), "api_token.role");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kOperator}), "api_token.role");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kDomain}), "api_token.domains");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kDomain, .domains = {"rival.example"}}),
            "api_token.domains[0]");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kTenant, .domains = {"acme.example"}}),
            "api_token.domains");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kUser, .user = "ann@rival.example"}),
            "api_token.user");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kTenant, .scopes = {"keys.read"}}),
            "api_token.scopes[0]");
  EXPECT_EQ(Refused({.parent = acme, .role = Role::kTenant, .expires = clock_.Now()}),
            "api_token.expire_time");
}

TEST_F(TokensTest, NobodyMakesATokenWiderThanHimself) {
  const Caller narrow{
      .role = Role::kTenant, .id = "token/1", .tenant = "acme", .scopes = {"*.read"}};
  EXPECT_EQ(
      tokens_.Create({.parent = "tenants/acme", .role = Role::kTenant}, narrow).status().code(),
      absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(
      tokens_
          .Create({.parent = "tenants/acme", .role = Role::kTenant, .scopes = {"holds.read"}},
                  narrow)
          .ok());
}

TEST_F(TokensTest, AKeyIsClaimedOnce) {
  EXPECT_FALSE(store_.BeginAnswer("k", "h", 1)->has_value());
  EXPECT_EQ((*store_.BeginAnswer("k", "h", 2))->status, 0);
  AnswerRow answer;
  answer.status = 200;
  answer.body = "{}";
  ASSERT_TRUE(store_.KeepAnswer("k", answer).ok());
  EXPECT_EQ((*store_.BeginAnswer("k", "h", 3))->body, "{}");
  ASSERT_TRUE(store_.ForgetAnswersBefore(2).ok());
  EXPECT_FALSE(store_.BeginAnswer("k", "h", 4)->has_value());
}

}  // namespace
}  // namespace cleanmail::portal
