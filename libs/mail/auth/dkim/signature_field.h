#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/mail/auth/dkim/canonical.h"

namespace cleanmail::mail::auth::dkim {

enum class Algorithm {
  kRsaSha256,
  kEd25519Sha256,  // RFC 8463
  kRsaSha1,        // known, never accepted (RFC 8301 §3.1)
};
// As in `a=`.
std::string_view ToText(Algorithm algorithm);
std::optional<Algorithm> ParseAlgorithm(std::string_view text);

// A DKIM-Signature (RFC 6376 §3.5), or what ARC made of it: ARC-Message-Signature (RFC 8617
// §4.1.2), where `i=` is an instance, `v=` is absent.
enum class Flavour { kDkim, kArcMessage };

inline constexpr size_t kMaxSignatureBytes = 16 * 1024;
inline constexpr size_t kMaxSignedNames = 512;

struct SignatureField {
  Algorithm algorithm = Algorithm::kRsaSha256;
  Canonical header_form = Canonical::kSimple;
  Canonical body_form = Canonical::kSimple;
  std::string domain = {};              // d=, lower-case A-labels
  std::string selector = {};            // s=, likewise
  std::string identity = {};            // i=, decoded; `@domain` without one. kDkim only
  int instance = 0;                     // i= of kArcMessage
  std::string body_hash = {};           // bh=, raw
  std::string signature = {};           // b=, raw
  std::string signature_start = {};     // its first 8 digits: header.b (RFC 6008)
  std::vector<std::string> names = {};  // h=, lower case
  std::optional<uint64_t> body_limit = std::nullopt;  // l=
  std::optional<uint64_t> made = std::nullopt;        // t=, seconds since 1970
  std::optional<uint64_t> expires = std::nullopt;     // x=
};

// `value`: the field's value, folded as it came. InvalidArgument with words when it breaks a MUST
// of RFC 6376 §6.1.1; also when h= leaves out From (§5.4), or, of ARC, holds an ARC-Seal.
absl::StatusOr<SignatureField> ParseSignature(std::string_view value, Flavour flavour);

// The field as it was signed: `raw` with what b= holds taken out (§3.7).
std::string WithoutSignature(std::string_view raw);

}  // namespace cleanmail::mail::auth::dkim
