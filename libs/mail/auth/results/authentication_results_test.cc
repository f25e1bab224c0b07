#include "libs/mail/auth/results/authentication_results.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::auth::results {
namespace {

TEST(AuthenticationResults, WhatIsWrittenIsReadBack) {
  AuthenticationResults results{.authserv_id = "mx.example.net"};
  results.results.push_back(
      {.method = "spf",
       .result = "fail",
       .reason = "not \"allowed\" (here)",
       .properties = {{"smtp", "mailfrom", "joe@example.org"}, {"smtp", "helo", "a b; c"}}});
  results.results.push_back(
      {.method = "dkim",
       .result = "pass",
       .properties = {{"header", "d", "example.org"}, {"header", "b", "ab/+="}}});
  const std::string text = ToFieldValue(results);
  const auto read = Parse(text);
  ASSERT_TRUE(read.ok()) << text;
  EXPECT_EQ(*read, results) << text;
  EXPECT_EQ(ToFieldValue({.authserv_id = "a.example"}), "a.example; none");
  EXPECT_TRUE(Parse("a.example; none")->results.empty());
}

TEST(AuthenticationResults, TheGrammarsOddCornersAreRead) {  // RFC 8601 appendix B.7
  const auto read = Parse(
      "foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for "
      "it) fail\r\n policy (A dot can go here) . (like that) expired\r\n (this surprised me) = "
      "(as I wasn't expecting it) 1362471462");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->results.size(), 1u);
  EXPECT_EQ(read->results[0].result, "fail");
  EXPECT_EQ(read->results[0].properties,
            (std::vector<Property>{{"policy", "expired", "1362471462"}}));
}

TEST(AuthenticationResults, T_C3_HalfAFieldIsNeverBelieved) {
  for (const char* bad :
       {"", ";", "(x", "id spf=pass", "id; spf", "id; spf=", "id 2; none", "id; spf=pass smtp.",
        "id; spf=pass smtp.mailfrom=", "id; spf=pass (x", "id; spf=pass reason=\"x",
        "id; spf=pass; none", "id; =pass", "id; spf/2=pass", "id; spf=pass)"}) {
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
}

TEST(AuthenticationResults, T_C3_WhatClaimsToBeOursIsForged) {
  const std::vector<std::string> own = {"mx.example.net", "tenant.example.net"};
  const auto forged = [&](std::string_view value) {
    const std::string text = "Authentication-Results :" + std::string(value) + "\r\n\r\n";
    const auto header = *mime::HeaderBlock::Parse(text);
    return IsForged(header.fields().front(), own);
  };
  for (const char* ours :
       {" mx.example.net; spf=pass", " (hello (there)) MX.Example.NET 1; none",
        "\r\n\t\"mx.example.net\"; dkim=pass", " mx.example.net.; none",
        "tenant.example.net(x);broken", " mx.example.net", " (mx.other", " ;", ""})
    EXPECT_TRUE(forged(ours)) << ours;
  for (const char* others : {" mx.example.com; spf=pass", " (mx.example.net) other; none",
                             " mx.example.net.evil.org; none"})
    EXPECT_FALSE(forged(others)) << others;
}

TEST(AuthenticationResults, T_C3_NothingWrittenBreaksOutOfItsField) {
  const AuthenticationResults results{
      .authserv_id = "id",
      .results = {{.method = "spf",
                   .result = "none",
                   .reason = "a\r\nX: b",
                   .comment = "c) dkim=pass (\r\nY: d",
                   .properties = {{"smtp", "mailfrom", "a b\"; dkim=pass@x\r\n.org"}}}}};
  const std::string text = ToFieldValue(results);
  EXPECT_EQ(text.find("\nX"), text.npos);
  EXPECT_EQ(text.find("\nY"), text.npos);
  const auto read = Parse(text);
  ASSERT_TRUE(read.ok()) << text;
  EXPECT_EQ(read->results.size(), 1u);
}

}  // namespace
}  // namespace cleanmail::mail::auth::results
