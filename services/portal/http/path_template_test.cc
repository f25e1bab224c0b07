#include "services/portal/http/path_template.h"

#include <gtest/gtest.h>

namespace cleanmail::portal {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

PathTemplate Parsed(std::string_view text) { return *PathTemplate::Parse(text); }

TEST(PathTemplate, FillsItsVariablesAndPrintsTheirNames) {
  const PathTemplate path = Parsed("/v1/{name=tenants/*/holds/*}:release");
  EXPECT_EQ(path.Printed(), "/v1/tenants/{tenant}/holds/{hold}:release");
  EXPECT_EQ(path.Match("/v1/tenants/acme/holds/1:release"),
            (Values{{"name", "tenants/acme/holds/1"}}));
  EXPECT_FALSE(path.Match("/v1/tenants/acme/holds/1").has_value());
  EXPECT_FALSE(path.Match("/v1/tenants/acme/holds/1/x:release").has_value());
  EXPECT_EQ(Parsed("/v1/{parent=tenants/*/policies/*}/versions").Printed(),
            "/v1/tenants/{tenant}/policies/{policy}/versions");
  EXPECT_EQ(Parsed("/v1/{user.name=tenants/*/users/*}").Match("/v1/tenants/a/users/b%40c"),
            (Values{{"user.name", "tenants/a/users/b@c"}}));
  EXPECT_EQ(Parsed("/v1/me").Match("/v1/me"), Values());
}

TEST(PathTemplate, T_D8_NothingInASegmentReachesIntoAnother) {
  const PathTemplate path = Parsed("/v1/{parent=tenants/*}/holds");
  for (const std::string_view hostile :
       {"/v1/tenants/a%2Fholds%2F1/holds", "/v1/tenants//holds", "/v1/tenants/%00/holds",
        "/v1/tenants/%ff/holds", "/v1/tenants/%/holds", "/v1/tenants/a%0d%0a/holds",
        "/v1/tenants/a/holds/", "v1/tenants/a/holds"}) {
    EXPECT_FALSE(path.Match(hostile).has_value()) << hostile;
  }
}

TEST(PathTemplate, WhatIsNoneIsRefused) {
  for (const std::string_view wrong : {"", "v1", "/v1/{name", "/v1//x", "/v1/{name=a//b}"}) {
    EXPECT_FALSE(PathTemplate::Parse(wrong).ok()) << wrong;
  }
}

TEST(PercentDecoded, TakesWholeTriplesOnly) {
  EXPECT_EQ(PercentDecoded("a%20b+c"), "a b+c");
  EXPECT_EQ(PercentDecoded("a%20b+c", true), "a b c");
  EXPECT_EQ(PercentDecoded("%4"), std::nullopt);
  EXPECT_EQ(PercentDecoded("%zz"), std::nullopt);
}

}  // namespace
}  // namespace cleanmail::portal
