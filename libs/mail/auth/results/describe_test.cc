#include "libs/mail/auth/results/describe.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::auth::results {
namespace {

TEST(Describe, EveryVerdictIsWrittenAndReadBack) {
  dkim::Verdict signature{.result = dkim::Result::kPass};
  signature.field.domain = "example.org";
  signature.field.identity = "joe doe@example.org";
  signature.field.selector = "s";
  signature.field.signature_start = "ab/+cd==";
  signature.field.body_limit = 3;
  const AuthenticationResults all{
      .authserv_id = "mx.example.net",
      .results = {Describe(spf::Query{.client = "192.0.2.1", .helo = "h", .sender = "a@b.org"},
                           {.result = spf::Result::kFail, .mechanism = "-all"}),
                  Describe(signature), Describe(dkim::Verdict{.reason = "not a list of tags"}),
                  Describe(dmarc::Verdict{.result = dmarc::Result::kFail,
                                          .author = "example.org",
                                          .record = dmarc::Record{},
                                          .published = dmarc::Policy::kReject}),
                  Describe(arc::Verdict{.status = arc::Status::kPass}, "2001:db8::1")}};
  const std::string text = ToFieldValue(all);
  EXPECT_NE(text.find("spf=fail (-all)\r\n\t smtp.mailfrom=a@b.org"), text.npos) << text;
  EXPECT_NE(text.find("dkim=pass (not all of the body)"), text.npos) << text;
  EXPECT_NE(text.find("dmarc=fail (p=reject)\r\n\t header.from=example.org"), text.npos) << text;
  const auto read = Parse(text);
  ASSERT_TRUE(read.ok()) << text;
  ASSERT_EQ(read->results.size(), 5u);
  EXPECT_EQ(read->results[1].properties, all.results[1].properties);
  EXPECT_EQ(read->results[4].properties.back().value, "2001:db8::1");
}

}  // namespace
}  // namespace cleanmail::mail::auth::results
