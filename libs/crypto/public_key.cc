#include "libs/crypto/public_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace cleanmail::crypto {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The algorithm, looked up once: OpenSSL's look-up by name costs as much as a short hash.
const EVP_MD* Sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

}  // namespace

void PublicKey::Freer::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

absl::StatusOr<PublicKey> PublicKey::Rsa(std::string_view der) {
  const unsigned char* at = Bytes(der);
  const long size = static_cast<long>(der.size());
  PublicKey key(d2i_PUBKEY(nullptr, &at, size));
  if (key.key_ == nullptr) {
    at = Bytes(der);
    key.key_.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
  }
  ERR_clear_error();
  if (key.key_ == nullptr || EVP_PKEY_get_base_id(key.key_.get()) != EVP_PKEY_RSA ||
      at != Bytes(der) + size)
    return absl::InvalidArgumentError("not an RSA key");
  if (key.bits() > kMaxRsaBits) return absl::InvalidArgumentError("the RSA key is too long");
  return key;
}

absl::StatusOr<PublicKey> PublicKey::Ed25519(std::string_view raw) {
  PublicKey key(raw.size() != 32 ? nullptr
                                 : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                               Bytes(raw), raw.size()));
  if (key.key_ == nullptr) return absl::InvalidArgumentError("not an Ed25519 key");
  return key;
}

int PublicKey::bits() const { return EVP_PKEY_get_bits(key_.get()); }

bool PublicKey::Verifies(std::string_view text, std::string_view signature) const {
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const bool rsa = EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA;
  const bool good = context != nullptr &&
                    EVP_DigestVerifyInit(context.get(), nullptr, rsa ? Sha256() : nullptr, nullptr,
                                         key_.get()) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text),
                                     text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace cleanmail::crypto
