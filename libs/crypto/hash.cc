#include "libs/crypto/hash.h"

#include <memory>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "libs/base/status_macros.h"

namespace cleanmail::crypto {
namespace {

const unsigned char* Bytes(std::string_view text) {
  // Nothing, rather than no text: the library tells them apart.
  return reinterpret_cast<const unsigned char*>(text.data() == nullptr ? "" : text.data());
}

// Fetching an algorithm by name costs more than hashing a short text: once per process.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CLEANMAIL_CHECK(algorithm != nullptr, "OpenSSL has no SHA256");
  return algorithm;
}

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// HMAC with SHA-256, without a key yet: copies of it need no algorithm fetched again.
Mac MakeHmacSha256() {
  EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  Mac context(hmac == nullptr ? nullptr : EVP_MAC_CTX_new(hmac));
  EVP_MAC_free(hmac);  // the context holds it
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  CLEANMAIL_CHECK(context != nullptr && EVP_MAC_CTX_set_params(context.get(), parameters) == 1,
                  "OpenSSL has no HMAC-SHA256");
  return context;
}

}  // namespace

std::string Sha256(std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  unsigned int length = 0;
  CLEANMAIL_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &length, Sha256Algorithm(), nullptr) == 1,
      "SHA-256 failed");
  return digest;
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  CLEANMAIL_CHECK(
      context_ != nullptr && EVP_DigestInit_ex(context_, Sha256Algorithm(), nullptr) == 1,
      "SHA-256 failed");
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(context_); }

Sha256Stream::Sha256Stream(Sha256Stream&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}

Sha256Stream& Sha256Stream::operator=(Sha256Stream&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

void Sha256Stream::Add(std::string_view bytes) {
  CLEANMAIL_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

std::string Sha256Stream::Finish() {
  std::string digest(kSha256Bytes, '\0');
  unsigned int length = 0;
  CLEANMAIL_CHECK(
      EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), &length) == 1,
      "SHA-256 failed");
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : Sha256(bytes)) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[c & 0xf];
  }
  return hex;
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  static const EVP_MAC_CTX* const algorithm = MakeHmacSha256().release();
  const Mac context(EVP_MAC_CTX_dup(algorithm));
  std::string digest(kSha256Bytes, '\0');
  size_t length = 0;
  CLEANMAIL_CHECK(context != nullptr &&
                      EVP_MAC_init(context.get(), Bytes(key), key.size(), nullptr) == 1 &&
                      EVP_MAC_update(context.get(), Bytes(bytes), bytes.size()) == 1 &&
                      EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    &length, digest.size()) == 1,
                  "HMAC-SHA256 failed");
  return digest;
}

std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info,
                 size_t length) {
  CLEANMAIL_CHECK(length <= 255 * kSha256Bytes, "RFC 5869 §2.3 allows no more");
  static constexpr char kNoSalt[kSha256Bytes] = {};
  const std::string extracted =
      HmacSha256(salt.empty() ? std::string_view(kNoSalt, sizeof kNoSalt) : salt, secret);
  std::string out, block;
  for (unsigned char counter = 1; out.size() < length; ++counter) {
    block.append(info);
    block.push_back(static_cast<char>(counter));
    block = HmacSha256(extracted, block);
    out += block;
  }
  out.resize(length);
  return out;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace cleanmail::crypto
