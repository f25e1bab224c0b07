#include "libs/crypto/public_key.h"

#include <optional>
#include <string>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace cleanmail::crypto {
namespace {

// Longer ones make a check take as long as a signature.
constexpr size_t kMaxExponentBytes = 8;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The algorithm, looked up once: OpenSSL's look-up by name costs as much as a short hash.
const EVP_MD* Sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

// The content of the DER value with `tag` at the start of `text`, which is moved behind it (X.690
// §8.1.3, §10.1: definite, shortest lengths, as RSA keys have them).
std::optional<std::string_view> TakeDer(unsigned char tag, std::string_view& text) {
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.size() < 2 || byte(0) != tag) return std::nullopt;
  size_t head = 2;
  size_t size = byte(1);
  if (size >= 0x80) {
    const size_t digits = size & 0x7F;
    if (digits < 1 || digits > 2 || text.size() < 2 + digits || byte(2) == 0) return std::nullopt;
    size = 0;
    for (size_t i = 0; i < digits; ++i) size = size * 256 + byte(2 + i);
    if (size < 0x80) return std::nullopt;
    head += digits;
  }
  if (text.size() - head < size) return std::nullopt;
  const std::string_view content = text.substr(head, size);
  text.remove_prefix(head + size);
  return content;
}

// A positive INTEGER, without leading zeros.
std::optional<std::string_view> TakeNumber(std::string_view& text) {
  auto digits = TakeDer(0x02, text);
  if (!digits.has_value() || digits->empty() || (digits->front() & 0x80) != 0) return std::nullopt;
  while (!digits->empty() && digits->front() == 0) digits->remove_prefix(1);
  return digits->empty() ? std::nullopt : digits;
}

struct RsaNumbers {
  std::string_view modulus;
  std::string_view exponent;
};

// SubjectPublicKeyInfo or RSAPublicKey. By hand, since OpenSSL 3 takes longer to find out what kind
// of key some DER is than to check a signature with it.
std::optional<RsaNumbers> ReadRsa(std::string_view der) {
  static constexpr std::string_view kRsaEncryption = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
  auto outer = TakeDer(0x30, der);
  if (!outer.has_value() || !der.empty()) return std::nullopt;
  std::string_view rest = *outer;
  if (const auto algorithm = TakeDer(0x30, rest)) {
    auto bits = TakeDer(0x03, rest);
    if (!algorithm->starts_with(kRsaEncryption) || !rest.empty() || !bits.has_value() ||
        !bits->starts_with('\0'))
      return std::nullopt;
    bits->remove_prefix(1);
    outer = TakeDer(0x30, *bits);
    if (!outer.has_value() || !bits->empty()) return std::nullopt;
    rest = *outer;
  }
  const auto modulus = TakeNumber(rest);
  const auto exponent = TakeNumber(rest);
  if (!modulus.has_value() || !exponent.has_value() || !rest.empty()) return std::nullopt;
  return RsaNumbers{.modulus = *modulus, .exponent = *exponent};
}

// nullptr when OpenSSL does not take the numbers.
EVP_PKEY* MakeRsa(const RsaNumbers& numbers) {
  // OSSL_PARAM takes numbers in the machine's own order.
  std::string modulus(numbers.modulus.rbegin(), numbers.modulus.rend());
  std::string exponent(numbers.exponent.rbegin(), numbers.exponent.rend());
  const auto number = [](const char* name, std::string& digits) {
    return OSSL_PARAM_construct_BN(name, reinterpret_cast<unsigned char*>(digits.data()),
                                   digits.size());
  };
  OSSL_PARAM parameters[] = {number(OSSL_PKEY_PARAM_RSA_N, modulus),
                             number(OSSL_PKEY_PARAM_RSA_E, exponent), OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  if (context != nullptr && EVP_PKEY_fromdata_init(context) == 1)
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  EVP_PKEY_CTX_free(context);
  return key;
}

}  // namespace

void PublicKey::Freer::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

absl::StatusOr<PublicKey> PublicKey::Rsa(std::string_view der) {
  const auto numbers = ReadRsa(der);
  if (!numbers.has_value()) return absl::InvalidArgumentError("not an RSA key");
  if (numbers->modulus.size() * 8 > static_cast<size_t>(kMaxRsaBits))
    return absl::InvalidArgumentError("the RSA key is too long");
  if (numbers->exponent.size() > kMaxExponentBytes)
    return absl::InvalidArgumentError("the RSA key's exponent is too long");
  PublicKey key(MakeRsa(*numbers));
  ERR_clear_error();
  if (key.key_ == nullptr) return absl::InvalidArgumentError("not an RSA key");
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
