#include <gtest/gtest.h>

#include "libs/store/blob/s3_listing.h"
#include "libs/store/blob/s3_names.h"
#include "libs/store/blob/s3_signature.h"

namespace cleanmail::blob {
namespace {

constexpr char kMessage[] = "0190b6a2-7c00-7000-8000-000000000001";

// The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
TEST(S3Signature, IsThatOfThePublishedExample) {
  absl::Time now;
  std::string error;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2013-05-24T00:00:00Z", &now, &error));
  const auto headers = S3Signature(
      {.method = "GET",
       .host = "examplebucket.s3.amazonaws.com",
       .path = "/test.txt",
       .headers = {{"range", "bytes=0-9"}},
       .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, "us-east-1", now);
  ASSERT_EQ(headers.back().name, "authorization");
  EXPECT_EQ(headers.back().value,
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Names, TellTheDayTenantAndMessage) {
  EXPECT_EQ(BodyKeyOf({"acme", kMessage}), "bodies/20240715/acme/" + std::string(kMessage));
  EXPECT_EQ(ExtensionKeyOf({"acme", kMessage}, "quarantine", 12),
            "until/20240715/acme/" + std::string(kMessage) + ".quarantine.12");
  const auto body = ParseBodyKey(BodyKeyOf({"acme", kMessage}));
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->day, "20240715");
  EXPECT_EQ(DayOf(*body->made_us), "20240715");
  const auto extension = ParseExtensionKey(ExtensionKeyOf({"acme", kMessage}, "a.b", 12));
  ASSERT_TRUE(extension.has_value());
  EXPECT_EQ(extension->place, body->place);
  EXPECT_EQ(extension->until_us, 12);
}

TEST(S3Names, T_D8_NoIdReachesAnotherTenantsPlace) {
  EXPECT_EQ(BodyKeyOf({"..", "../other/x"}), "bodies/untimed/=2E=2E/=2E=2E=2Fother=2Fx");
  EXPECT_NE(BodyKeyOf({"a/b", "c"}), BodyKeyOf({"a", "b/c"}));
  EXPECT_NE(BodyKeyOf({"a", std::string(200, 'x')}), BodyKeyOf({"a", std::string(201, 'x')}));
  EXPECT_LT(BodyKeyOf({std::string(255, '\xff'), std::string(255, '/')}).size(), 300u);
}

TEST(S3Names, WhatIsNotOursIsNoBody) {
  for (const char* key : {"", "bodies/", "bodies/20240715/acme", "bodies/20240715/acme/a.b",
                          "other/20240715/acme/x", "bodies//acme/x"})
    EXPECT_FALSE(ParseBodyKey(key).has_value()) << key;
  for (const char* key : {"", "until/x", "until/x.y", "until/x.y.z"})
    EXPECT_FALSE(ParseExtensionKey(key).has_value()) << key;
}

TEST(S3Answer, APageSaysWhereTheNextOneBegins) {
  const auto page = ParseS3Answer(
      "<L><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>"
      "<Contents><Key>k1</Key><Owner><ID>Key</ID></Owner></Contents><Contents><Key>k2</Key>"
      "</Contents></L>");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->keys, (std::vector<std::string>{"k1", "k2"}));
  EXPECT_EQ(page->next, "a&b");
}

TEST(S3Answer, T_D8_ADamagedListingIsNoListing) {
  for (const char* xml : {"<a>", "<a></b>", "<a", "<L><IsTruncated>true</IsTruncated></L>",
                          "<a>&toolonganentity;</a>"})
    EXPECT_EQ(ParseS3Answer(xml).status().code(), absl::StatusCode::kDataLoss) << xml;
}

}  // namespace
}  // namespace cleanmail::blob
