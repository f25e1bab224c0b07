#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/crypto/signature.h"
#include "libs/mail/auth/dkim/signature_field.h"
#include "libs/mail/auth/dkim/signed_text.h"

namespace cleanmail::mail::auth::dkim {

// Whose signature it becomes.
struct Signing {
  std::string domain;             // d=, A-labels
  std::string selector;           // s=
  const crypto::SigningKey& key;  // RSA or Ed25519
  int64_t now_seconds = 0;        // t=
  int64_t lifetime_seconds = 0;   // x= so long after t=; 0: without
};

// The field names to sign of this header, as for h=: all that a reader is shown or that says how
// the body is read, and lists' own fields. Those that must not be added later are named once more
// than they are there (RFC 6376 §8.15).
std::vector<std::string> NamesToSign(const HeaderIndex& header);

// The value of a DKIM-Signature field, relaxed/relaxed, folded; without a line end. `body_hash`:
// raw, relaxed, of the whole body as it will be sent. InvalidArgument: a key of another kind.
absl::StatusOr<std::string> Sign(const HeaderIndex& header, std::string_view body_hash,
                                 const Signing& signing);

// What Sign, and ARC, build on: `value` ends in `b=` and holds everything but the signature; the
// text before it is what else is signed. The value with the signature, folded.
absl::StatusOr<std::string> Completed(std::string_view field_name, std::string value,
                                      std::string signed_before, const crypto::SigningKey& key);
// The algorithm a key signs with; nullopt: none of DKIM's.
std::optional<Algorithm> AlgorithmOf(const crypto::SigningKey& key);
// Names as h= has them, folded.
std::string JoinedNames(const std::vector<std::string>& names);

}  // namespace cleanmail::mail::auth::dkim
