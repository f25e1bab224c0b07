#include "libs/crypto/signature.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/crypto/fake_authority.h"

namespace cleanmail::crypto {
namespace {

std::string Read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class SignatureTest : public ::testing::Test {
 protected:
  FakeAuthority authority_{::testing::TempDir(), "authority"};
  const IssuedFiles files_ = authority_.Issue(
      "portal", {"spiffe://cleanmail/portal", "spiffe://cleanmail/policy"}, absl::Hours(2));
  const std::string certificate_ = Read(files_.certificate);
  const std::string key_ = Read(files_.key);
};

TEST_F(SignatureTest, WhatAKeySignsItsCertificateChecks) {
  const auto key = SigningKey::FromPem(key_);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE((*key)->BelongsTo(certificate_));
  const auto signature = (*key)->Sign("text");
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_TRUE(CheckSignature(certificate_, "text", *signature).ok());
  EXPECT_EQ(CheckSignature(certificate_, "texT", *signature).code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CheckSignature(certificate_, "text", "").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SignatureTest, AnotherKeysSignatureIsRefused) {
  const IssuedFiles other = authority_.Issue("other", {});
  const auto key = SigningKey::FromPem(Read(other.key));
  ASSERT_TRUE(key.ok());
  EXPECT_FALSE((*key)->BelongsTo(certificate_));
  EXPECT_EQ(CheckSignature(certificate_, "text", *(*key)->Sign("text")).code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(SignatureTest, ACertificateTellsItsNamesAndItsEnd) {
  const auto facts = ReadCertificate(certificate_);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->uris,
            (std::vector<std::string>{"spiffe://cleanmail/portal", "spiffe://cleanmail/policy"}));
  EXPECT_NEAR(absl::ToDoubleHours(facts->not_after - absl::Now()), 2, 0.01);
}

TEST_F(SignatureTest, WhatIsNoPemIsRefused) {
  for (const std::string& text : {std::string(), std::string("x"), key_.substr(0, 60)}) {
    EXPECT_FALSE(SigningKey::FromPem(text).ok());
    EXPECT_FALSE(ReadCertificate(text).ok());
    EXPECT_EQ(CheckSignature(text, "a", "b").code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(ReadCertificate(key_).ok());
}

}  // namespace
}  // namespace cleanmail::crypto
