#include "libs/crypto/signature.h"

#include <ctime>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "libs/base/status_macros.h"

namespace cleanmail::crypto {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

Bio ReadOnly(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A password is never asked for on a terminal.
int NoPassword(char*, int, int, void*) { return 0; }

Certificate FirstOf(std::string_view pem) {
  const Bio bio = ReadOnly(pem);
  return Certificate(bio == nullptr ? nullptr
                                    : PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr));
}

// Ed25519 and Ed448 hash by themselves.
const EVP_MD* DigestOf(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status NotACertificate() { return absl::InvalidArgumentError("not a certificate in PEM"); }

}  // namespace

absl::StatusOr<std::shared_ptr<const SigningKey>> SigningKey::FromPem(std::string_view pem) {
  const Bio bio = ReadOnly(pem);
  EVP_PKEY* const key =
      bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr);
  if (key == nullptr)
    return absl::InvalidArgumentError("not a private key in PEM, without a password");
  return std::shared_ptr<const SigningKey>(new SigningKey(key));
}

SigningKey::~SigningKey() { EVP_PKEY_free(key_); }

absl::StatusOr<std::string> SigningKey::Sign(std::string_view text) const {
  const Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  if (digest == nullptr ||
      EVP_DigestSignInit(digest.get(), nullptr, DigestOf(key_), nullptr, key_) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, Bytes(text), text.size()) != 1)
    return absl::InternalError("the key cannot sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(text), text.size()) != 1)
    return absl::InternalError("the key cannot sign");
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> SigningKey::Generate(KeyKind kind) {
  EVP_PKEY* const made = kind == KeyKind::kRsa ? EVP_RSA_gen(2048)
                         : kind == KeyKind::kEd25519
                             ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                             : nullptr;
  const std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>> key(made);
  const Bio bio(BIO_new(BIO_s_secmem()));
  if (key == nullptr || bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1)
    return absl::InvalidArgumentError("no key of that kind can be made");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

KeyKind SigningKey::kind() const {
  switch (EVP_PKEY_get_base_id(key_)) {
    case EVP_PKEY_RSA:
      return KeyKind::kRsa;
    case EVP_PKEY_EC:
      return KeyKind::kEc;
    case EVP_PKEY_ED25519:
      return KeyKind::kEd25519;
    default:
      return KeyKind::kOther;
  }
}

std::string SigningKey::PublicBytes() const {
  if (kind() == KeyKind::kEd25519) {
    std::string raw(32, '\0');
    size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char*>(raw.data()), &size);
    return raw;
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_, &der);
  if (size <= 0) return "";
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

bool SigningKey::BelongsTo(std::string_view certificate_pem) const {
  const Certificate certificate = FirstOf(certificate_pem);
  return certificate != nullptr && X509_check_private_key(certificate.get(), key_) == 1;
}

absl::Status CheckSignature(std::string_view certificate_pem, std::string_view text,
                            std::string_view signature) {
  const Certificate certificate = FirstOf(certificate_pem);
  EVP_PKEY* const key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate.get());
  if (key == nullptr) return NotACertificate();
  const Digest digest(EVP_MD_CTX_new());
  if (digest == nullptr ||
      EVP_DigestVerifyInit(digest.get(), nullptr, DigestOf(key), nullptr, key) != 1)
    return absl::InternalError("the certificate's key checks no signatures");
  if (EVP_DigestVerify(digest.get(), Bytes(signature), signature.size(), Bytes(text),
                       text.size()) == 1)
    return absl::OkStatus();
  return absl::PermissionDeniedError("the signature is not that of the certificate's key");
}

absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem) {
  const Certificate certificate = FirstOf(pem);
  if (certificate == nullptr) return NotACertificate();
  CertificateFacts facts;
  std::tm ends = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &ends) != 1) return NotACertificate();
  facts.not_after = absl::FromTimeT(timegm(&ends));
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    facts.uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                            static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  return facts;
}

}  // namespace cleanmail::crypto
