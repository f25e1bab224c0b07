#include "libs/crypto/public_key.h"

#include <gtest/gtest.h>

#include "libs/crypto/signature.h"

namespace cleanmail::crypto {
namespace {

std::shared_ptr<const SigningKey> NewKey(KeyKind kind) {
  return *SigningKey::FromPem(*SigningKey::Generate(kind));
}

TEST(PublicKey, ChecksWhatItsPrivateHalfSigned) {
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kEd25519}) {
    const auto signer = NewKey(kind);
    EXPECT_EQ(signer->kind(), kind);
    const auto key = kind == KeyKind::kRsa ? PublicKey::Rsa(signer->PublicBytes())
                                           : PublicKey::Ed25519(signer->PublicBytes());
    ASSERT_TRUE(key.ok()) << key.status();
    const std::string signature = *signer->Sign("text");
    EXPECT_TRUE(key->Verifies("text", signature));
    EXPECT_FALSE(key->Verifies("texT", signature));
    EXPECT_FALSE(key->Verifies("text", ""));
    EXPECT_FALSE(key->Verifies("text", signature.substr(1)));
  }
}

TEST(PublicKey, WhatIsNotOneIsRefused) {
  const std::string der = NewKey(KeyKind::kRsa)->PublicBytes();
  EXPECT_FALSE(PublicKey::Rsa("").ok());
  EXPECT_FALSE(PublicKey::Rsa("rubbish").ok());
  EXPECT_FALSE(PublicKey::Rsa(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(PublicKey::Rsa(der + "x").ok());
  EXPECT_FALSE(PublicKey::Ed25519(der).ok());
  EXPECT_FALSE(PublicKey::Ed25519(std::string(31, 'a')).ok());
  EXPECT_FALSE(SigningKey::Generate(KeyKind::kOther).ok());
}

}  // namespace
}  // namespace cleanmail::crypto
