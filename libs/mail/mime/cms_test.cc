#include "libs/mail/mime/cms.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

// By `openssl cms` of Debian 12 with a key made for it: -sign -nodetach, the same with -stream
// (indefinite lengths, the content in pieces), -encrypt.
constexpr std::string_view kSigned =
    "MIHwBgkqhkiG9w0BBwKggeIwgd8CAQExDTALBglghkgBZQMEAgEwOAYJKoZIhvcNAQcBoCsEKUNvbnRlbnQtVHlw"
    "ZTogdGV4dC9wbGFpbg0KDQpzaWduZWQgdGV4dA0KMYGQMIGNAgEBMCcwDzENMAsGA1UEAwwEdGVzdAIUbUrx3duT"
    "8QVqTsWxJAwOg1Q6eTQwCwYJYIZIAWUDBAIBMAoGCCqGSM49BAMCBEYwRAIgCTX4WP0Jwb99mY6BjhyCoVWqrrrH"
    "8Ec6iiv5J3o6XO4CIARnwywgsaW/sbZIO6aAcAdMwr29AJWNtojObRAlioek";
constexpr std::string_view kStreamed =
    "MIAGCSqGSIb3DQEHAqCAMIACAQExDTALBglghkgBZQMEAgEwgAYJKoZIhvcNAQcBoIAkgAQpQ29udGVudC1UeXBl"
    "OiB0ZXh0L3BsYWluDQoNCnNpZ25lZCB0ZXh0DQoAAAAAAAAxgZEwgY4CAQEwJzAPMQ0wCwYDVQQDDAR0ZXN0AhRt"
    "SvHd25PxBWpOxbEkDA6DVDp5NDALBglghkgBZQMEAgEwCgYIKoZIzj0EAwIERzBFAiByynPJ+M4EoDJ0pHxtgwWY"
    "L1y9gPwPhJ8ccouzk25nRgIhAOq/GLQ4oDHC2vYVubZoc5XC+Vnyfza+ZnII3tHy7zKbAAAAAAAA";
constexpr std::string_view kEncrypted =
    "MIIBPAYJKoZIhvcNAQcDoIIBLTCCASkCAQIxgc6hgcsCAQOgUaFPMAkGByqGSM49AgEDQgAEoZg1Dhjr6ULY3zKt"
    "UQkCJ/kCY5PnCa3jcSwe/se5gTLCNnAUfob14DuUDoAj7eaAIUnsFNPQ5S5FH+82fEaqVTAcBgkrgQUQhkg/AAIw"
    "DwYLKoZIhvcNAQkQAwYFADBVMFMwJzAPMQ0wCwYDVQQDDAR0ZXN0AhRtSvHd25PxBWpOxbEkDA6DVDp5NAQorM0T"
    "XSXJ98LoZviWmkaqA7cb/JFGAR67B7tnW+SZ6jfyPxMcqIh95jBTBgkqhkiG9w0BBwEwFAYIKoZIhvcNAwcECAl2"
    "zk4kvJRAgDC2Xk1p5sfbfIfZUAyPb42Vn5yXpff0in9FIbG7K+c8/hOp+vTpZq8DqUO7h44744w=";
constexpr std::string_view kContent = "Content-Type: text/plain\r\n\r\nsigned text\r\n";

TEST(CmsTest, T_B10_WhatWasSignedIsTakenOut) {
  for (const std::string_view written : {kSigned, kStreamed}) {
    const Cms cms = ReadCms(DecodeBase64(written));
    EXPECT_EQ(cms.kind, Cms::Kind::kSigned);
    EXPECT_EQ(cms.content, kContent);
  }
}

TEST(CmsTest, T_B10_WhatIsEncryptedIsTold) {
  EXPECT_EQ(ReadCms(DecodeBase64(kEncrypted)).kind, Cms::Kind::kEnveloped);
}

TEST(CmsTest, CutOrDamagedObjectsAreReadAsFarAsTheyGo) {
  for (const std::string_view written : {kSigned, kStreamed, kEncrypted}) {
    const std::string whole = DecodeBase64(written);
    for (size_t i = 0; i < whole.size(); ++i) {
      ReadCms(std::string_view(whole).substr(0, i));
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x80);
      ReadCms(damaged);
    }
  }
  EXPECT_EQ(ReadCms("").kind, Cms::Kind::kNone);
  EXPECT_EQ(ReadCms(std::string(100000, '\x30')).kind, Cms::Kind::kNone);
}

}  // namespace
}  // namespace cleanmail::mail::mime
