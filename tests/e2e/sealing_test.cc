// Inbound mail leaves with a seal that the next server can check (RFC 8617).
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/crypto/signature.h"
#include "libs/mail/mime/encodings.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Sealing : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string path = base::Cat(std::getenv("TEST_TMPDIR"), "/arc.pem");
    const std::string pem = *crypto::SigningKey::Generate(crypto::KeyKind::kRsa);
    std::ofstream(path) << pem;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    const std::string key =
        mail::mime::EncodeBase64((*crypto::SigningKey::FromPem(pem))->PublicBytes());
    const std::string record = base::Cat(
        "'s._domainkey.gateway.example. 300 IN TXT \"v=DKIM1; k=rsa; p=", key.substr(0, 200),
        "\" \"", key.substr(200), "\"'");
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .egress =
            base::Cat("  first_retry: 200ms\n  longest_retry: 1s\n",
                      "  arc: { domain: gateway.example, selector: s, key_file: '", path, "' }\n"),
        .dns = base::Cat("records_only: true, records: [", record, "]")});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  // The mail as it arrives.
  static std::string Through(const std::string& content) {
    const size_t before = gateway_->sink().Mails().size();
    gateway_->Accept({"ann@example.org"}, content);
    EXPECT_TRUE(gateway_->sink().WaitFor(before + 1, absl::Seconds(30)));
    return gateway_->sink().Mails().back().content;
  }
  static std::unique_ptr<Gateway> gateway_;
};
std::unique_ptr<Gateway> Sealing::gateway_;

TEST_F(Sealing, EachPassageAddsASetAndTheChainHolds) {
  const std::string once = Through("From: <a@sender.example>\r\nSubject: hello\r\n\r\nHi.\r\n");
  EXPECT_THAT(once, StartsWith("ARC-Seal: i=1; a=rsa-sha256; cv=none;"));
  EXPECT_THAT(once, HasSubstr("ARC-Authentication-Results: i=1; gateway.example;"));
  const std::string twice = Through(once);
  EXPECT_THAT(twice, StartsWith("ARC-Seal: i=2; a=rsa-sha256; cv=pass;"));
  EXPECT_THAT(twice, HasSubstr("arc=pass"));
  const std::string changed = Through(once + "added on the way\r\n");
  EXPECT_THAT(changed, StartsWith("ARC-Seal: i=2; a=rsa-sha256; cv=fail;"));
  EXPECT_THAT(Through(changed), StartsWith("Authentication-Results:")) << "that chain has ended";
  EXPECT_EQ(gateway_->Metric("cleanmail_egress_arc_seals_total"), 4);
}

}  // namespace
}  // namespace cleanmail::e2e
