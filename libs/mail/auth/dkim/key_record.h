#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/crypto/public_key.h"
#include "libs/mail/auth/dkim/signature_field.h"
#include "libs/mail/auth/lookups.h"

namespace cleanmail::mail::auth::dkim {

// Of one signature or seal, in the words of RFC 8601 §2.7.1.
enum class Result { kNone, kPass, kFail, kPolicy, kNeutral, kTemperror, kPermerror };
std::string_view ToText(Result result);

inline constexpr size_t kMaxKeyRecordBytes = 8 * 1024;
inline constexpr int kMinRsaBits = 1024;  // RFC 8301 §3.2

// A key record (RFC 6376 §3.6.1) made for mail. `g=` of RFC 4871 has no meaning any more.
struct KeyRecord {
  bool ed25519 = false;
  std::string key = {};        // p=, raw; empty: revoked
  bool sha256_allowed = true;  // h=
  bool email_allowed = true;   // s=
  bool testing = false;        // t=y
  bool same_domain = false;    // t=s: the domain of i= must be d= itself
};
// InvalidArgument in words.
absl::StatusOr<KeyRecord> ParseKeyRecord(std::string_view text);

// A key that may check signatures of an algorithm, or why there is none.
struct FoundKey {
  Result result = Result::kPass;  // kPass: `key` is there
  std::string reason = {};
  std::optional<crypto::PublicKey> key = std::nullopt;
  KeyRecord record = {};
};

// Looks the key of `selector._domainkey.domain` up (§3.6.2); nullopt while waiting for answers. An
// RSA key under `min_rsa_bits` is kPolicy, so is rsa-sha1.
std::optional<FoundKey> FindKey(std::string_view domain, std::string_view selector,
                                Algorithm algorithm, int min_rsa_bits, Lookups& lookups);

// Whether `signature` over `text` is that key's, by the algorithm (RFC 6376 §3.3, RFC 8463 §3).
bool Verifies(const crypto::PublicKey& key, Algorithm algorithm, std::string_view text,
              std::string_view signature);

}  // namespace cleanmail::mail::auth::dkim
