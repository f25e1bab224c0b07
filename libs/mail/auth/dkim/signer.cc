#include "libs/mail/auth/dkim/signer.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::auth::dkim {
namespace {

constexpr std::string_view kOversigned[] = {
    "from",     "to",         "cc",           "subject",      "date",
    "reply-to", "message-id", "mime-version", "content-type", "content-transfer-encoding"};
// Signed where they are; a relay may add one.
constexpr std::string_view kSigned[] = {"sender",    "in-reply-to",      "references",
                                        "list-id",   "list-unsubscribe", "list-unsubscribe-post",
                                        "list-post", "auto-submitted",   "feedback-id"};
constexpr size_t kLine = 72;

}  // namespace

std::optional<Algorithm> AlgorithmOf(const crypto::SigningKey& key) {
  switch (key.kind()) {
    case crypto::KeyKind::kRsa:
      return Algorithm::kRsaSha256;
    case crypto::KeyKind::kEd25519:
      return Algorithm::kEd25519Sha256;
    case crypto::KeyKind::kEc:
    case crypto::KeyKind::kOther:
      break;
  }
  return std::nullopt;
}

std::vector<std::string> NamesToSign(const HeaderIndex& header) {
  std::vector<std::string> names;
  for (const std::string_view name : kOversigned)
    names.insert(names.end(), header.Named(name).size() + 1, std::string(name));
  for (const std::string_view name : kSigned)
    names.insert(names.end(), header.Named(name).size(), std::string(name));
  if (names.size() > kMaxSignedNames) names.resize(kMaxSignedNames);
  return names;
}

std::string JoinedNames(const std::vector<std::string>& names) {
  std::string text;
  size_t line = 0;
  for (const std::string& name : names) {
    if (!text.empty()) text += ':';
    if (line + name.size() + 1 > kLine) {
      text += "\r\n\t";
      line = 0;
    }
    text += name;
    line += name.size() + 1;
  }
  return text;
}

absl::StatusOr<std::string> Completed(std::string_view field_name, std::string value,
                                      std::string signed_before, const crypto::SigningKey& key) {
  signed_before += CanonicalField(Canonical::kRelaxed, base::Cat(field_name, ":", value));
  signed_before.resize(signed_before.size() - 2);
  const bool hashed = key.kind() == crypto::KeyKind::kEd25519;
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::string signature,
      key.Sign(hashed ? crypto::Sha256(signed_before) : std::string_view(signed_before)));
  const std::string digits = mime::EncodeBase64(signature);
  for (size_t at = 0; at < digits.size(); at += kLine) {
    if (at > 0) value += "\r\n\t";
    value += std::string_view(digits).substr(at, kLine);
  }
  return value;
}

absl::StatusOr<std::string> Sign(const HeaderIndex& header, std::string_view body_hash,
                                 const Signing& signing) {
  const auto algorithm = AlgorithmOf(signing.key);
  if (!algorithm.has_value()) return absl::InvalidArgumentError("not a key for DKIM");
  const std::vector<std::string> names = NamesToSign(header);
  std::string value =
      base::Cat("v=1; a=", ToText(*algorithm), "; c=relaxed/relaxed;\r\n\td=", signing.domain,
                "; s=", signing.selector, "; t=", signing.now_seconds);
  if (signing.lifetime_seconds > 0)
    value += base::Cat("; x=", signing.now_seconds + signing.lifetime_seconds);
  value += base::Cat(";\r\n\th=", JoinedNames(names), ";\r\n\tbh=", mime::EncodeBase64(body_hash),
                     ";\r\n\tb=");
  return Completed("DKIM-Signature", std::move(value), header.Signed(Canonical::kRelaxed, names),
                   signing.key);
}

}  // namespace cleanmail::mail::auth::dkim
