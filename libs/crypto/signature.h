#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct evp_pkey_st;

namespace cleanmail::crypto {

enum class KeyKind { kRsa, kEc, kEd25519, kOther };

// A private key that signs: RSA, EC or Ed25519. Thread-safe.
class SigningKey {
 public:
  // InvalidArgument: not a private key in PEM, or one that wants a password.
  static absl::StatusOr<std::shared_ptr<const SigningKey>> FromPem(std::string_view pem);
  ~SigningKey();

  // A new RSA (of 2048 bits) or Ed25519 key as PKCS #8 in PEM; secret.
  static absl::StatusOr<std::string> Generate(KeyKind kind);

  KeyKind kind() const;
  // The public half as a DKIM key record has it: SubjectPublicKeyInfo in DER (RFC 5280 §4.1), for
  // Ed25519 the 32 bytes alone (RFC 8463 §4).
  std::string PublicBytes() const;
  // By the key's own algorithm with SHA-256 (Ed25519: without).
  absl::StatusOr<std::string> Sign(std::string_view text) const;
  // Whether it is the key of the first certificate of `pem`.
  bool BelongsTo(std::string_view certificate_pem) const;

 private:
  explicit SigningKey(evp_pkey_st* key) : key_(key) {}
  evp_pkey_st* const key_;
};

// OK when `signature` over `text` was made with the key of the first certificate of
// `certificate_pem`, whoever signed that one. PermissionDenied: it was not. InvalidArgument: not a
// certificate in PEM.
absl::Status CheckSignature(std::string_view certificate_pem, std::string_view text,
                            std::string_view signature);

// What the first certificate of a PEM text says.
struct CertificateFacts {
  std::vector<std::string> uris;  // of its subject alternative name (RFC 5280 §4.2.1.6)
  absl::Time not_after;
};
// InvalidArgument: not a certificate in PEM.
absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem);

}  // namespace cleanmail::crypto
