#include "services/portal/http/transcoder.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/rpc/answer.h"
#include "services/portal/descriptors.h"

namespace cleanmail::portal {
namespace {

class TranscoderTest : public ::testing::Test {
 protected:
  const Route& Named(std::string_view method) {
    for (const Route& route : contracts_->routes()) {
      if (route.rpc.ends_with(method)) return route;
    }
    ADD_FAILURE() << method;
    return contracts_->routes()[0];
  }
  // The request as JSON, or `FIELD|words`.
  std::string Made(std::string_view method, const PathValues& values, http::Request asked) {
    const auto message = ToRequest(*contracts_, Named(method), values, asked);
    if (!message.ok())
      return base::Cat(rpc::FieldOf(message.status()), "|", message.status().message());
    return (*message)->ShortDebugString();
  }
  std::unique_ptr<Contracts> contracts_ = *Contracts::Create(kDescriptors);
};

TEST_F(TranscoderTest, PathQueryAndBodyMakeOneRequest) {
  EXPECT_EQ(Made("/ListTenantApiTokens", {{"parent", "tenants/acme"}},
                 {.query = "pageSize=5&pageToken=a%20b"}),
            R"(parent: "tenants/acme" page_size: 5 page_token: "a b")");
  EXPECT_EQ(
      Made("/CreateTenantApiToken", {{"parent", "tenants/acme"}},
           {.body = R"({"role":"ROLE_USER","user":"ä@b","expireTime":"2030-01-01T00:00:00.5Z",
                        "scopes":["a","b"],"description":null,"name":"ignored"})"}),
      "parent: \"tenants/acme\" api_token { role: ROLE_USER user: \"\\303\\244@b\" scopes: \"a\" "
      "scopes: \"b\" expire_time { seconds: 1893456000 nanos: 500000000 } }");
}

TEST_F(TranscoderTest, WhatIsWrongIsNamed) {
  const auto body = [&](const std::string& json) {
    return Made("/CreateTenantApiToken", {{"parent", "tenants/acme"}}, {.body = json});
  };
  EXPECT_EQ(body(R"({"role":"ROLE_USER","usr":"x"})"),
            "usr|usr: there is no such field; did you mean user?");
  EXPECT_EQ(body(R"({"role":"ROLE_USER","scopes":["a",5]})"),
            "scopes[1]|scopes[1]: a string is expected");
  EXPECT_EQ(body(R"({"role":"ROLE_USER","scopes":"a"})"), "scopes|scopes: a list is expected");
  EXPECT_EQ(body("{}"), "role|role: is required");
  EXPECT_EQ(body("[]"), "|the body must be a JSON object");
  EXPECT_EQ(Made("/ListTenantApiTokens", {{"parent", "t"}}, {.query = "pageSize=9999999999"}),
            "pageSize|pageSize: an integer between -2147483648 and 2147483647 is expected");
  EXPECT_EQ(Made("/ListTenantApiTokens", {{"parent", "t"}}, {.query = "parent=tenants/rival"}),
            "parent|parent: there is no such parameter");
  EXPECT_EQ(Made("/ListTenantApiTokens", {{"parent", "t"}}, {.query = "pageSize=1&pageSize=2"}),
            "pageSize|pageSize: stands twice");
  EXPECT_EQ(Made("/ListTenantApiTokens", {{"parent", "t"}}, {.query = "page%ZZ=1"}),
            "|the query is not percent-encoded UTF-8");
}

TEST_F(TranscoderTest, T_D9_AFileNameCannotEndItsHeader) {
  EXPECT_EQ(SafeFileName("report \"x\"\r\nSet-Cookie: a=b.csv"), "report__x___Set-Cookie__a_b.csv");
  EXPECT_EQ(SafeFileName("../../etc/passwd"), "_._.__etc_passwd");
  EXPECT_EQ(SafeFileName(""), "download");
  EXPECT_EQ(SafeFileName(".bashrc"), "_bashrc");
}

}  // namespace
}  // namespace cleanmail::portal
