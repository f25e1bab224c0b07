#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/auth/dkim/canonical.h"
#include "libs/mail/auth/dkim/key_record.h"
#include "libs/mail/auth/dkim/signature_field.h"
#include "libs/mail/auth/dkim/signed_text.h"
#include "libs/mail/auth/lookups.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::auth::dkim {

// Signatures of one message that are judged, from the top; further ones cost a sender nothing and
// us a lot.
inline constexpr size_t kMaxSignatures = 10;

struct VerifyRules {
  int64_t now_seconds = 0;
  int min_rsa_bits = kMinRsaBits;
};

// What came of one DKIM-Signature.
struct Verdict {
  Result result = Result::kPermerror;
  std::string reason = {};    // in words, unless passed
  SignatureField field = {};  // as far as it could be read
  int key_bits = 0;
  bool testing = false;                           // the key says t=y
  std::string canonical_body_hash = {};           // raw; what the body hashed to
  std::vector<std::string> unsigned_copies = {};  // HeaderIndex::UnsignedCopies

  // Whether it vouches for the message as it is shown, as DMARC and trust need: passed, and with
  // `l=`, bytes could be added that nobody signed; with a second From or Subject, the reader may be
  // shown the other. Neither counts, even where nothing was added.
  bool counts_for_alignment() const {
    return result == Result::kPass && !field.body_limit.has_value() && unsigned_copies.empty();
  }
};

// Verifies a message's DKIM signatures (RFC 6376 §6). rsa-sha1 and RSA keys under 1024 bits are
// "policy" (RFC 8301), so is an expired signature. Use: make it with the header, feed `body` from
// body_offset() on and finish it, then call Verdicts until it has a result.
class Verifier {
 public:
  // All must outlive it; `body` must not have been fed yet.
  Verifier(const HeaderIndex& header, BodyHashes& body, VerifyRules rules);

  // In the order of the fields, at most kMaxSignatures; nullopt while waiting for keys. Call after
  // body.Finish().
  std::optional<std::vector<Verdict>> Verdicts(Lookups& lookups) const;

  // DKIM-Signature fields in the message.
  size_t signatures() const { return header_.Named("dkim-signature").size(); }

 private:
  struct Candidate {
    const mime::Field* raw = nullptr;
    absl::StatusOr<SignatureField> field;
    std::optional<size_t> body_place = std::nullopt;
  };
  Verdict Judge(const Candidate& candidate, FoundKey key) const;
  std::optional<Verdict> Refused(const Candidate& candidate) const;

  const HeaderIndex& header_;
  const BodyHashes& body_;
  const VerifyRules rules_;
  std::vector<Candidate> candidates_;
};

}  // namespace cleanmail::mail::auth::dkim
