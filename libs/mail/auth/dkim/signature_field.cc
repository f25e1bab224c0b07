#include "libs/mail/auth/dkim/signature_field.h"

#include <algorithm>

#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/auth/dkim/tag_list.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {
namespace {

absl::Status Bad(std::string_view why) { return absl::InvalidArgumentError(base::AbslView(why)); }

std::optional<Canonical> ParseForm(std::string_view text) {
  if (text == "simple") return Canonical::kSimple;
  if (text == "relaxed") return Canonical::kRelaxed;
  return std::nullopt;
}

absl::Status ReadForms(std::string_view text, SignatureField& field) {
  const size_t slash = text.find('/');
  const auto header = ParseForm(text.substr(0, slash));
  const auto body =
      slash == text.npos ? std::optional(Canonical::kSimple) : ParseForm(text.substr(slash + 1));
  if (!header.has_value() || !body.has_value()) return Bad("unknown canonicalisation");
  field.header_form = *header;
  field.body_form = *body;
  return absl::OkStatus();
}

// RFC 6376 §2.11: white space may stand anywhere and does not count.
absl::StatusOr<std::string> QuotedPrintable(std::string_view text) {
  const auto hex = [](char c) -> int {
    if (IsDigit(c)) return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsSpace(text[i])) continue;
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
      return Bad("i= is not quoted-printable");
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

absl::Status ReadNames(std::string_view text, Flavour flavour, SignatureField& field) {
  for (const std::string_view piece : Split(text, ':')) {
    const std::string_view name = Trim(piece);
    if (name.empty() || name.find_first_of(" \t\r\n") != name.npos) return Bad("h= is no list");
    if (field.names.size() >= kMaxSignedNames) return Bad("h= is too long");
    field.names.push_back(Lower(name));
  }
  const auto has = [&](std::string_view name) {
    return std::find(field.names.begin(), field.names.end(), name) != field.names.end();
  };
  if (!has("from")) return Bad("From is not signed");
  if (flavour == Flavour::kArcMessage && has("arc-seal")) return Bad("an ARC-Seal is signed");
  return absl::OkStatus();
}

absl::Status ReadNumber(const TagList& tags, std::string_view name,
                        std::optional<uint64_t>& number) {
  const Tag* const tag = tags.Find(name);
  if (tag == nullptr) return absl::OkStatus();
  if (tag->value.size() > 76) return Bad("a number is too long");
  number = ParseNumber(tag->value);
  const bool digits =
      !tag->value.empty() && std::all_of(tag->value.begin(), tag->value.end(), &IsDigit);
  if (!digits) return Bad("a number is none");
  if (!number.has_value()) number = UINT64_MAX;
  return absl::OkStatus();
}

absl::Status ReadIdentity(const TagList& tags, SignatureField& field) {
  field.identity = "@" + field.domain;
  const Tag* const tag = tags.Find("i");
  if (tag == nullptr) return absl::OkStatus();
  CLEANMAIL_ASSIGN_OR_RETURN(field.identity, QuotedPrintable(tag->value));
  const size_t at = field.identity.rfind('@');
  if (at == std::string::npos) return Bad("i= is no address");
  const auto domain = address::NormalizeDomain(std::string_view(field.identity).substr(at + 1));
  if (!domain.ok() || !IsWithin(*domain, field.domain)) return Bad("i= is not within d=");
  return absl::OkStatus();
}

absl::Status ReadOwnTags(const TagList& tags, Flavour flavour, SignatureField& field) {
  if (flavour == Flavour::kArcMessage) {
    const auto instance = ParseNumber(tags.Value("i"));
    if (!instance.has_value() || *instance < 1 || *instance > 50) return Bad("no instance");
    if (tags.Find("v") != nullptr) return Bad("v= in an ARC field");
    field.instance = static_cast<int>(*instance);
    return absl::OkStatus();
  }
  CLEANMAIL_RETURN_IF_ERROR(ReadIdentity(tags, field));
  const auto methods = Split(tags.Value("q", "dns/txt"), ':');
  const bool dns = std::any_of(methods.begin(), methods.end(),
                               [](std::string_view method) { return Trim(method) == "dns/txt"; });
  return dns ? absl::OkStatus() : Bad("unknown query method");
}

}  // namespace

std::string_view ToText(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRsaSha256:
      return "rsa-sha256";
    case Algorithm::kEd25519Sha256:
      return "ed25519-sha256";
    case Algorithm::kRsaSha1:
      return "rsa-sha1";
  }
  return "";
}

std::optional<Algorithm> ParseAlgorithm(std::string_view text) {
  for (const Algorithm each :
       {Algorithm::kRsaSha256, Algorithm::kEd25519Sha256, Algorithm::kRsaSha1})
    if (ToText(each) == text) return each;
  return std::nullopt;
}

absl::StatusOr<SignatureField> ParseSignature(std::string_view value, Flavour flavour) {
  if (value.size() > kMaxSignatureBytes) return Bad("the signature is too long");
  CLEANMAIL_ASSIGN_OR_RETURN(const TagList tags, TagList::Parse(value));
  if (flavour == Flavour::kDkim && tags.Value("v") != "1") return Bad("unknown version");
  for (const char* required : {"a", "b", "bh", "d", "h", "s"})
    if (tags.Value(required).empty()) return Bad(base::Cat("no ", required, "="));
  SignatureField field;
  const auto algorithm = ParseAlgorithm(tags.Value("a"));
  if (!algorithm.has_value()) return Bad("unknown algorithm");
  field.algorithm = *algorithm;
  CLEANMAIL_RETURN_IF_ERROR(ReadForms(tags.Value("c", "simple/simple"), field));
  const auto domain = address::NormalizeDomain(tags.Value("d"));
  const auto selector = address::NormalizeDomain(tags.Value("s"));
  if (!domain.ok()) return Bad("d= is no domain");
  if (!selector.ok()) return Bad("s= is no selector");
  field.domain = *domain;
  field.selector = *selector;
  CLEANMAIL_RETURN_IF_ERROR(ReadOwnTags(tags, flavour, field));
  const auto body_hash = StrictBase64(tags.Value("bh"));
  const auto signature = StrictBase64(tags.Value("b"));
  if (!body_hash.has_value()) return Bad("bh= is not base64");
  if (!signature.has_value()) return Bad("b= is not base64");
  field.body_hash = *body_hash;
  field.signature = *signature;
  field.signature_start = WithoutSpace(tags.Value("b")).substr(0, 8);
  CLEANMAIL_RETURN_IF_ERROR(ReadNames(tags.Value("h"), flavour, field));
  CLEANMAIL_RETURN_IF_ERROR(ReadNumber(tags, "l", field.body_limit));
  CLEANMAIL_RETURN_IF_ERROR(ReadNumber(tags, "t", field.made));
  CLEANMAIL_RETURN_IF_ERROR(ReadNumber(tags, "x", field.expires));
  if (field.made.has_value() && field.expires.has_value() && *field.expires < *field.made)
    return Bad("x= lies before t=");
  return field;
}

std::string WithoutSignature(std::string_view raw) {
  const size_t colon = raw.find(':');
  if (colon == raw.npos) return std::string(raw);
  std::string_view value = raw.substr(colon + 1);
  std::string_view end;
  for (const char last : {'\n', '\r'}) {
    if (!value.ends_with(last)) continue;
    value.remove_suffix(1);
  }
  end = raw.substr(colon + 1 + value.size());
  const auto tags = TagList::Parse(value);
  const Tag* const tag = tags.ok() ? tags->Find("b") : nullptr;
  if (tag == nullptr) return std::string(raw);
  return base::Cat(raw.substr(0, colon + 1), value.substr(0, tag->begin), value.substr(tag->end),
                   end);
}

}  // namespace cleanmail::mail::auth::dkim
