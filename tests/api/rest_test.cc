// The REST API of a running gateway, as programs see it.
#include <set>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/http/client.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using base::Json;
using http::ClientRequest;
using http::ClientResponse;

class RestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    gateway_.AddTenant("acme");
    gateway_.AddDomain("acme", "acme.example");
    gateway_.AddTenant("rival");
    gateway_.AddDomain("rival", "rival.example");
  }

  // Over TCP with a token, or as the operator of this machine over the socket.
  ClientResponse Ask(ClientRequest request, const std::string& token = "operator") {
    const std::string path = request.url;
    if (token == "operator") {
      request.url = base::Cat("http://localhost", path);
      request.unix_socket = gateway_.api_socket();
    } else {
      request.url = base::Cat("http://127.0.0.1:", gateway_.port("api"), path);
      if (!token.empty()) request.headers.push_back({"Authorization", base::Cat("Bearer ", token)});
    }
    if (!request.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    const absl::StatusOr<ClientResponse> response = http::Fetch(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : ClientResponse();
  }
  ClientResponse Get(const std::string& path, const std::string& token = "operator") {
    return Ask({.url = path}, token);
  }
  ClientResponse Post(const std::string& path, const std::string& body,
                      const std::string& token = "operator") {
    return Ask({.method = "POST", .url = path, .body = body}, token);
  }
  static Json Read(const ClientResponse& response) {
    const absl::StatusOr<Json> json = base::ParseJson(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return json.ok() ? *json : Json();
  }
  static std::string Header(const ClientResponse& response, std::string_view name) {
    for (const http::Header& header : response.headers) {
      if (header.name == name) return header.value;
    }
    return "";
  }
  std::string Token(const std::string& parent, const std::string& body) {
    return std::string(Read(Post(base::Cat("/v1/", parent, "apiTokens"), body)).TextOf("secret"));
  }

  Gateway gateway_{{.destinations = ", source_addresses: [127.0.0.2], source_ranges: [{ network: "
                                    "127.0.0.0/8, purpose: delivery }]",
                    .portal = "  listen: '127.0.0.1:0'\n"}};
};

TEST_F(RestTest, TheSocketsOwnerIsAnOperatorAndTcpNeedsAToken) {
  EXPECT_EQ(Read(Get("/v1/me")).TextOf("role"), "ROLE_OPERATOR");
  const ClientResponse stranger = Get("/v1/me", "");
  EXPECT_EQ(stranger.status, 401);
  EXPECT_EQ(Header(stranger, "content-type"), "application/problem+json");
  EXPECT_TRUE(Header(stranger, "www-authenticate").starts_with("Bearer"));
  EXPECT_EQ(Get("/v1/me", "cm_wrong").status, 401);
}

TEST_F(RestTest, T_D9_AnswersMayNeitherBeFramedNorKeptNorSniffed) {
  for (const std::string path : {"/v1/me", "/docs", "/v1/nothing"}) {
    const ClientResponse answer = Get(path);
    EXPECT_EQ(Header(answer, "x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(Header(answer, "cache-control"), "no-store") << path;
    EXPECT_NE(Header(answer, "content-security-policy").find("frame-ancestors 'none'"),
              std::string::npos)
        << path;
    EXPECT_EQ(Header(answer, "access-control-allow-origin"), "") << path;
  }
}

TEST_F(RestTest, ATokenReachesItsBranchAndARevokedOneNothing) {
  const std::string token =
      Token("tenants/acme/", R"({"role":"ROLE_TENANT","description":"a test"})");
  ASSERT_TRUE(token.starts_with("cm_")) << token;
  const Json me = Read(Get("/v1/me", token));
  EXPECT_EQ(me.TextOf("role"), "ROLE_TENANT");
  EXPECT_EQ(me.TextOf("tenant"), "tenants/acme");
  EXPECT_EQ(Get("/v1/tenants/acme/holds", token).status, 200);
  const ClientResponse crossing = Get("/v1/tenants/rival/holds", token);
  const ClientResponse missing = Get("/v1/tenants/nobody/holds", token);
  EXPECT_EQ(crossing.status, 404);
  EXPECT_EQ(Read(crossing).TextOf("detail"), Read(missing).TextOf("detail"));
  EXPECT_EQ(Get("/v1/partners", token).status, 403);
  EXPECT_EQ(Get("/v1/tenants/-/deliveries", token).status, 200) << "of all it sees its own";
  EXPECT_EQ(Get("/v1/tenants/-/holds", token).status, 200);

  const Json listed = Read(Get("/v1/tenants/acme/apiTokens", token));
  ASSERT_EQ(listed.Find("apiTokens")->items.size(), 1u);
  const Json& shown = listed.Find("apiTokens")->items[0];
  EXPECT_EQ(shown.TextOf("secret"), "");
  EXPECT_NE(shown.TextOf("lastUseTime"), "");
  const std::string name(shown.TextOf("name"));
  EXPECT_EQ(Ask({.method = "DELETE", .url = base::Cat("/v1/", name)}, token).status, 200);
  EXPECT_EQ(Get("/v1/me", token).status, 401);
}

TEST_F(RestTest, ATokenMakesNoneThatReachesFurther) {
  const std::string narrow =
      Token("tenants/acme/", R"({"role":"ROLE_TENANT","scopes":["tokens.*","holds.read"]})");
  EXPECT_EQ(Post("/v1/tenants/acme/apiTokens", R"({"role":"ROLE_TENANT"})", narrow).status, 403);
  EXPECT_EQ(
      Post("/v1/tenants/acme/apiTokens",
           R"({"role":"ROLE_DOMAIN","domains":["acme.example"],"scopes":["holds.read"]})", narrow)
          .status,
      200);
  EXPECT_EQ(Post("/v1/apiTokens", R"({"role":"ROLE_OPERATOR"})", narrow).status, 403);
  EXPECT_EQ(Post("/v1/tenants/rival/apiTokens", R"({"role":"ROLE_TENANT"})", narrow).status, 404);
}

TEST_F(RestTest, T_E7_WhoGuessesTokensIsStoppedAndWhoHasOneIsNot) {
  const std::string token = Token("tenants/acme/", R"({"role":"ROLE_TENANT"})");
  for (int i = 0; i < 30; ++i) ASSERT_EQ(Get("/v1/me", base::Cat("cm_guess", i)).status, 401);
  EXPECT_EQ(Get("/v1/me", "cm_guess").status, 429);
  EXPECT_EQ(Get("/v1/me", token).status, 200);
}

TEST_F(RestTest, AWrongFieldIsNamed) {
  const auto wrong = [&](const std::string& body) {
    const ClientResponse answer = Post("/v1/tenants/acme/apiTokens", body);
    EXPECT_EQ(answer.status, 400) << body;
    const Json problem = Read(answer);
    const Json* const errors = problem.Find("errors");
    return errors == nullptr ? std::string() : std::string(errors->items[0].TextOf("field"));
  };
  EXPECT_EQ(wrong(R"({})"), "role");
  EXPECT_EQ(wrong(R"({"role":"ROLE_BOSS"})"), "role");
  EXPECT_EQ(wrong(R"({"role":"ROLE_TENANT","scops":["a"]})"), "scops");
  EXPECT_EQ(wrong(R"({"role":"ROLE_TENANT","scopes":["holds.read","no.such"]})"), "scopes[1]");
  EXPECT_EQ(wrong(R"({"role":"ROLE_TENANT","description":5})"), "description");
  EXPECT_EQ(wrong(R"({"role":"ROLE_DOMAIN","domains":["rival.example"]})"), "domains[0]");
  EXPECT_EQ(wrong(R"({"role":"ROLE_TENANT","expireTime":"yesterday"})"), "expireTime");
  EXPECT_EQ(wrong("{"), "");
}

TEST_F(RestTest, MethodsAndTypesThatDoNotFitAreRefusedByNumber) {
  const ClientResponse put = Ask({.method = "PUT", .url = "/v1/apiTokens"});
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(Header(put, "allow"), "GET, HEAD, POST");
  // A verb is no part of an id.
  const ClientResponse verb = Get("/v1/tenants/acme/holds/1:release");
  EXPECT_EQ(verb.status, 405);
  EXPECT_EQ(Header(verb, "allow"), "POST");
  EXPECT_EQ(Ask({.method = "POST",
                 .url = "/v1/tenants/acme/deliveries:retry",
                 .headers = {{"Idempotency-Key", "two words"}},
                 .body = "{}"})
                .status,
            400);
  EXPECT_EQ(Get("/v1/no/such/path").status, 404);
  EXPECT_EQ(Get("/v1/tenants/acme%2Fholds/apiTokens").status, 404);
  EXPECT_EQ(Get("/v1/me?bogus=1").status, 400);
  EXPECT_EQ(Get("/v1/tenants/acme/holds?pageSize=x").status, 400);
  EXPECT_EQ(Ask({.url = "/v1/me", .headers = {{"Accept", "text/html"}}}).status, 406);
  EXPECT_EQ(Ask({.method = "POST",
                 .url = "/v1/apiTokens",
                 .headers = {{"Content-Type", "text/xml"}},
                 .body = "<a/>"})
                .status,
            415);
}

TEST_F(RestTest, ARepeatedKeyGetsTheSameAnswerAndMakesNothingTwice) {
  const auto post = [&](const std::string& body) {
    return Ask({.method = "POST",
                .url = "/v1/tenants/acme/apiTokens",
                .headers = {{"Idempotency-Key", "k1"}},
                .body = body});
  };
  const ClientResponse first = post(R"({"role":"ROLE_TENANT"})");
  const ClientResponse again = post(R"({"role":"ROLE_TENANT"})");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(Read(again).TextOf("name"), Read(first).TextOf("name"));
  EXPECT_EQ(Read(again).TextOf("secret"), "");  // shown once
  EXPECT_EQ(Header(again, "idempotency-replayed"), "true");
  EXPECT_EQ(post(R"({"role":"ROLE_TENANT","description":"other"})").status, 422);
  EXPECT_EQ(Read(Get("/v1/tenants/acme/apiTokens")).Find("apiTokens")->items.size(), 1u);
}

TEST_F(RestTest, TheOpenApiDocumentNamesExactlyWhatIsServed) {
  const Json document = Read(Get("/openapi.json", ""));
  EXPECT_EQ(document.TextOf("openapi"), "3.1.0");
  const Json* const paths = document.Find("paths");
  ASSERT_NE(paths, nullptr);
  EXPECT_GT(paths->members.size(), 5u);
  std::set<std::string> ids;
  for (const auto& [path, verbs] : paths->members) {
    std::string concrete = path;
    while (concrete.find('{') != std::string::npos) {
      const size_t begin = concrete.find('{');
      concrete.replace(begin, concrete.find('}') - begin + 1, "x");
    }
    // A method nobody has: the path is served, and with exactly these methods.
    const ClientResponse answer = Ask({.method = "PUT", .url = concrete});
    EXPECT_EQ(answer.status, 405) << path;
    const std::string allow = Header(answer, "allow");
    for (const auto& [verb, operation] : verbs.members) {
      std::string upper = verb;
      for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
      EXPECT_NE(allow.find(upper), std::string::npos) << path;
      EXPECT_TRUE(ids.insert(std::string(operation.TextOf("operationId"))).second) << path;
      EXPECT_NE(operation.TextOf("description"), "") << path << ": a method without a comment";
    }
  }
}

TEST_F(RestTest, WhatARoomForgotToDescribeIsNotServedOverRest) {
  // Keys and the directory's snapshot are for services: no path leads there.
  const std::string document = Get("/openapi.json", "").body;
  EXPECT_EQ(document.find("TenantKey"), std::string::npos);
  EXPECT_EQ(document.find("Snapshot"), std::string::npos);
  EXPECT_EQ(document.find("EvaluateEnvelope"), std::string::npos);
}

TEST_F(RestTest, TheNetworksMailComesFromAreThereForEverybody) {
  const ClientResponse page = Get("/source-ranges.txt", "");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "127.0.0.0/8 delivery\n");
  EXPECT_EQ(Header(page, "content-type").substr(0, 10), "text/plain");
  EXPECT_EQ(Ask({.method = "POST", .url = "/source-ranges.txt"}, "").status, 405);
  EXPECT_EQ(Get("/v1/sourceRanges", "").status, 401);
  const std::string token =
      Token("tenants/acme/", R"({"role":"ROLE_DOMAIN","domains":["acme.example"]})");
  const Json listed = Read(Get("/v1/sourceRanges", token));
  EXPECT_EQ(Get("/v1/tenants/acme/deliveries", token).status, 200);
  EXPECT_EQ(Get("/v1/tenants/rival/deliveries", token).status, 404);
  ASSERT_EQ(listed.Find("sourceRanges")->items.size(), 1u);
  EXPECT_EQ(listed.Find("sourceRanges")->items[0].TextOf("purpose"), "delivery");
}

TEST_F(RestTest, EveryProblemHasAPage) {
  const ClientResponse problem = Get("/v1/nothing");
  EXPECT_EQ(problem.status, 404);
  const std::string type(Read(problem).TextOf("type"));
  const ClientResponse page = Get(type, "");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("NOT_FOUND"), std::string::npos);
  EXPECT_EQ(Get("/problems/%3Cscript%3E", "").status, 404);
}

TEST(RestLimits, ACallerWhoAsksTooOftenIsToldWhenToComeBack) {
  Gateway gateway({.portal = "  listen: '127.0.0.1:0'\n  requests_per_second: 1\n"});
  const std::string socket = gateway.api_socket();
  const auto made = http::Fetch({.method = "POST",
                                 .url = "http://localhost/v1/apiTokens",
                                 .headers = {{"Content-Type", "application/json"}},
                                 .body = R"({"role":"ROLE_OPERATOR"})",
                                 .unix_socket = socket});
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string token(base::ParseJson(made->body)->TextOf("secret"));
  ClientResponse answer;
  for (int i = 0; i < 30 && answer.status != 429; ++i) {
    answer = *http::Fetch({.url = base::Cat("http://127.0.0.1:", gateway.port("api"), "/v1/me"),
                           .headers = {{"Authorization", base::Cat("Bearer ", token)}}});
  }
  EXPECT_EQ(answer.status, 429);
  std::set<std::string> names;
  for (const http::Header& header : answer.headers) names.insert(header.name);
  EXPECT_TRUE(names.contains("retry-after"));
  EXPECT_TRUE(names.contains("ratelimit-remaining"));
}

}  // namespace
}  // namespace cleanmail::e2e
