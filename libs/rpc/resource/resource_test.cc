#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::rpc::resource {
namespace {

using ::testing::ElementsAre;

TEST(Match, GivesTheVariableParts) {
  EXPECT_THAT(*Match("tenants/*/holds/*", "tenants/acme/holds/42"), ElementsAre("acme", "42"));
}

TEST(Match, RefusesEveryOtherShape) {
  for (const std::string_view name :
       {"", "/", "tenants/acme", "tenants//holds/42", "tenants/acme/holds/",
        "tenants/acme/users/42", "tenants/acme/holds/42/", "tenants/a b/holds/42",
        "tenants/a\nb/holds/42"}) {
    EXPECT_EQ(Match("tenants/*/holds/*", name).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  EXPECT_FALSE(Match("tenants/*", std::string("tenants/") + std::string(400, 'x')).ok());
}

TEST(TenantId, IsADnsLabel) {
  EXPECT_TRUE(IsTenantId("acme-2"));
  for (const std::string_view id : {"", "-", "-a", "a-", "Acme", "a.b", "a/b"})
    EXPECT_FALSE(IsTenantId(id)) << id;
}

TEST(Page, TokensComeBackAndStrangersAreRefused) {
  EXPECT_EQ(*FromPageToken(ToPageToken("tenants/a/domains/b")), "tenants/a/domains/b");
  EXPECT_EQ(*FromPageToken(""), "");
  EXPECT_FALSE(FromPageToken("%%%").ok());
  EXPECT_FALSE(FromPageToken("QQ").ok());
  EXPECT_FALSE(FromPageToken(std::string(5000, 'A')).ok());
}

TEST(Page, SizesAreBounded) {
  EXPECT_EQ(*PageSize(0), 100);
  EXPECT_EQ(*PageSize(7), 7);
  EXPECT_EQ(*PageSize(1'000'000), 1000);
  EXPECT_FALSE(PageSize(-1).ok());
}

}  // namespace
}  // namespace cleanmail::rpc::resource
