#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace cleanmail::crypto {

// RSA keys beyond this cost a verifier more than any sender may ask of it.
inline constexpr int kMaxRsaBits = 8192;

// A public key that strangers publish, to check their signatures. Thread-safe.
class PublicKey {
 public:
  // RSA as SubjectPublicKeyInfo (RFC 5280 §4.1) or bare RSAPublicKey (RFC 8017 appendix A.1.1), in
  // DER. InvalidArgument: neither, not all of it, or over kMaxRsaBits.
  static absl::StatusOr<PublicKey> Rsa(std::string_view der);
  // The 32 bytes of RFC 8032 §5.1.5. InvalidArgument: another length.
  static absl::StatusOr<PublicKey> Ed25519(std::string_view raw);

  // Of an RSA key's modulus; 256 for Ed25519.
  int bits() const;
  // Whether `signature` over `text` is this key's: RSASSA-PKCS1-v1_5 with SHA-256, or PureEdDSA.
  bool Verifies(std::string_view text, std::string_view signature) const;

 private:
  struct Freer {
    void operator()(evp_pkey_st* key) const;
  };
  explicit PublicKey(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, Freer> key_;
};

}  // namespace cleanmail::crypto
