#include "libs/mail/auth/dkim/key_record.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "libs/mail/auth/dkim/tag_list.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {
namespace {

bool Lists(std::string_view list, std::string_view word) {
  const auto pieces = Split(list, ':');
  return std::any_of(pieces.begin(), pieces.end(),
                     [word](std::string_view piece) { return Trim(piece) == word; });
}

FoundKey None(Result result, std::string_view reason) {
  return {.result = result, .reason = std::string(reason)};
}

FoundKey FromRecord(std::string_view text, Algorithm algorithm, int min_rsa_bits) {
  auto record = ParseKeyRecord(text);
  if (!record.ok()) return None(Result::kPermerror, base::View(record.status().message()));
  if (record->key.empty()) return None(Result::kPermerror, "the key was revoked");
  if (!record->email_allowed) return None(Result::kPermerror, "the key is not for mail");
  if (!record->sha256_allowed) return None(Result::kPermerror, "the key is not for SHA-256");
  if (record->ed25519 != (algorithm == Algorithm::kEd25519Sha256))
    return None(Result::kPermerror, "the key is of another kind");
  auto key = record->ed25519 ? crypto::PublicKey::Ed25519(record->key)
                             : crypto::PublicKey::Rsa(record->key);
  if (!key.ok()) return None(Result::kPermerror, base::View(key.status().message()));
  if (!record->ed25519 && key->bits() < min_rsa_bits)
    return None(Result::kPolicy, base::Cat("an RSA key of ", key->bits(), " bits is too short"));
  return {.key = *std::move(key), .record = *std::move(record)};
}

}  // namespace

std::string_view ToText(Result result) {
  switch (result) {
    case Result::kNone:
      return "none";
    case Result::kPass:
      return "pass";
    case Result::kFail:
      return "fail";
    case Result::kPolicy:
      return "policy";
    case Result::kNeutral:
      return "neutral";
    case Result::kTemperror:
      return "temperror";
    case Result::kPermerror:
      return "permerror";
  }
  return "none";
}

absl::StatusOr<KeyRecord> ParseKeyRecord(std::string_view text) {
  if (text.size() > kMaxKeyRecordBytes) return absl::InvalidArgumentError("the record is too long");
  CLEANMAIL_ASSIGN_OR_RETURN(const TagList tags, TagList::Parse(text));
  const Tag* const version = tags.Find("v");
  if (version != nullptr && (version != &tags.tags().front() || version->value != "DKIM1"))
    return absl::InvalidArgumentError("unknown version of key");
  KeyRecord record;
  const std::string_view kind = tags.Value("k", "rsa");
  if (kind != "rsa" && kind != "ed25519") return absl::InvalidArgumentError("unknown kind of key");
  record.ed25519 = kind == "ed25519";
  const Tag* const key = tags.Find("p");
  if (key == nullptr) return absl::InvalidArgumentError("no key in the record");
  auto bytes = StrictBase64(key->value);
  if (!bytes.has_value()) return absl::InvalidArgumentError("the key is not base64");
  record.key = *std::move(bytes);
  if (const Tag* const hashes = tags.Find("h"))
    record.sha256_allowed = Lists(hashes->value, "sha256");
  const std::string_view services = tags.Value("s", "*");
  record.email_allowed = Lists(services, "*") || Lists(services, "email");
  record.testing = Lists(tags.Value("t"), "y");
  record.same_domain = Lists(tags.Value("t"), "s");
  return record;
}

std::optional<FoundKey> FindKey(std::string_view domain, std::string_view selector,
                                Algorithm algorithm, int min_rsa_bits, Lookups& lookups) {
  if (algorithm == Algorithm::kRsaSha1) return None(Result::kPolicy, "rsa-sha1 is not accepted");
  const auto* const reply =
      lookups.Find(base::Cat(selector, "._domainkey.", domain), dns::Type::kTxt);
  if (reply == nullptr) return std::nullopt;
  if (IsNothing(*reply)) return None(Result::kPermerror, "no key");
  if (!reply->ok()) return None(Result::kTemperror, "no answer about the key");
  // §3.6.2.2: with several records anything may be done. The first that serves is taken, of the
  // first few.
  FoundKey found = None(Result::kPermerror, "no key");
  size_t tried = 0;
  for (const std::string& text : (*reply)->texts) {
    if (++tried > 4) break;
    FoundKey next = FromRecord(text, algorithm, min_rsa_bits);
    if (tried == 1 || next.result == Result::kPass) found = std::move(next);
    if (found.result == Result::kPass) break;
  }
  return found;
}

bool Verifies(const crypto::PublicKey& key, Algorithm algorithm, std::string_view text,
              std::string_view signature) {
  switch (algorithm) {
    case Algorithm::kRsaSha256:
      return key.Verifies(text, signature);
    case Algorithm::kEd25519Sha256:
      return key.Verifies(crypto::Sha256(text), signature);
    case Algorithm::kRsaSha1:
      return false;
  }
  return false;
}

}  // namespace cleanmail::mail::auth::dkim
