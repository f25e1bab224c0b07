#include "libs/mail/auth/dkim/verifier.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {

Verifier::Verifier(const HeaderIndex& header, BodyHashes& body, VerifyRules rules)
    : header_(header), body_(body), rules_(rules) {
  for (const mime::Field* const raw : header.Named("dkim-signature")) {
    if (candidates_.size() >= kMaxSignatures) break;
    Candidate candidate{.raw = raw, .field = ParseSignature(raw->raw_value(), Flavour::kDkim)};
    if (candidate.field.ok() && candidate.field->algorithm != Algorithm::kRsaSha1)
      candidate.body_place = body.Want(candidate.field->body_form, candidate.field->body_limit);
    candidates_.push_back(std::move(candidate));
  }
}

// What needs no key to be refused.
std::optional<Verdict> Verifier::Refused(const Candidate& candidate) const {
  Verdict verdict;
  if (!candidate.field.ok()) {
    verdict.reason = std::string(candidate.field.status().message());
    return verdict;
  }
  const SignatureField& field = *candidate.field;
  verdict.field = field;
  verdict.result = Result::kPolicy;
  if (field.algorithm == Algorithm::kRsaSha1) {
    verdict.reason = "rsa-sha1 is not accepted";
  } else if (!candidate.body_place.has_value()) {
    verdict.reason = "too many ways to hash the body";
  } else if (rules_.now_seconds > 0 &&
             field.expires.value_or(UINT64_MAX) < static_cast<uint64_t>(rules_.now_seconds)) {
    verdict.reason = "the signature has expired";
  } else {
    return std::nullopt;
  }
  return verdict;
}

std::optional<std::vector<Verdict>> Verifier::Verdicts(Lookups& lookups) const {
  // All keys are asked for at once, and nothing is computed before they are there.
  std::vector<std::optional<FoundKey>> keys;
  bool waiting = false;
  for (const Candidate& candidate : candidates_) {
    keys.emplace_back();
    if (Refused(candidate).has_value()) continue;
    const SignatureField& field = *candidate.field;
    keys.back() =
        FindKey(field.domain, field.selector, field.algorithm, rules_.min_rsa_bits, lookups);
    waiting |= !keys.back().has_value();
  }
  if (waiting) return std::nullopt;
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    auto refused = Refused(candidates_[i]);
    verdicts.push_back(refused.has_value() ? *std::move(refused)
                                           : Judge(candidates_[i], *std::move(keys[i])));
  }
  return verdicts;
}

Verdict Verifier::Judge(const Candidate& candidate, FoundKey key) const {
  const SignatureField& field = *candidate.field;
  const BodyHash& body = body_.at(*candidate.body_place);
  Verdict verdict{.result = key.result, .reason = std::move(key.reason), .field = field};
  verdict.canonical_body_hash = body.hash();
  verdict.unsigned_copies = header_.UnsignedCopies(field.names);
  verdict.testing = key.record.testing;
  if (key.result != Result::kPass) return verdict;
  verdict.key_bits = key.key->bits();
  const auto end = [&verdict](Result result, std::string_view reason) {
    verdict.result = result;
    verdict.reason = reason;
    return verdict;
  };
  const size_t at = field.identity.rfind('@');
  if (key.record.same_domain &&
      !EqualsIgnoreCase(std::string_view(field.identity).substr(at + 1), field.domain))
    return end(Result::kPermerror, "the key is for its own domain only, i= is below it");
  if (field.body_limit.value_or(0) > body.canonical_bytes())
    return end(Result::kPermerror, "l= is longer than the body");
  if (body.hash() != field.body_hash) return end(Result::kFail, "the body was changed");
  std::string text = header_.Signed(field.header_form, field.names);
  text += CanonicalField(field.header_form, WithoutSignature(candidate.raw->raw));
  text.resize(text.size() - 2);  // the signature itself counts without its last line end (§3.7)
  if (!Verifies(*key.key, field.algorithm, text, field.signature))
    return end(Result::kFail, "the signature does not fit the header");
  return verdict;
}

}  // namespace cleanmail::mail::auth::dkim
