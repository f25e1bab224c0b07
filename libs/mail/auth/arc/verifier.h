#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/mail/auth/arc/chain.h"

namespace cleanmail::mail::auth::arc {

// Who took part in a chain, from instance 1 up.
struct Link {
  std::string domain = {};  // d= of the seal
  std::string selector = {};
  std::optional<results::AuthenticationResults> results = std::nullopt;  // where they can be read
};

// What came of a message's chain (RFC 8617 §5.2). Only a passed chain's links may be believed, and
// they only as far as their domains are trusted: whoever sealed may have written anything.
struct Verdict {
  Status status = Status::kNone;
  std::string reason = {};       // in words, on fail
  bool temporary = false;        // failed for want of an answer about a key
  std::vector<Link> links = {};  // of a chain that is one in form
  int oldest_pass = 0;           // 0: the message is as instance 1 saw it, or no chain passed;
                                 // else since which instance it was not changed (§5.2 step 5)
  // Whether a set may be added: a chain that was already marked as failed ends there (§5.1).
  bool may_be_sealed = true;
};

// Use as dkim::Verifier: made before the body is fed, asked after it was finished.
class Verifier {
 public:
  // All must outlive it; `body` must not have been fed yet.
  Verifier(const dkim::HeaderIndex& header, dkim::BodyHashes& body,
           int min_rsa_bits = dkim::kMinRsaBits);

  // nullopt while waiting for keys.
  std::optional<Verdict> Check(Lookups& lookups) const;

 private:
  struct Parsed {
    absl::StatusOr<dkim::SignatureField> message;
    absl::StatusOr<Seal> seal;
    std::optional<size_t> body_place = std::nullopt;
  };
  // What is wrong without any key; empty: nothing.
  std::string FormProblem() const;
  // Whether the message signature of a set holds; the reason when not.
  std::string MessageProblem(size_t index, const dkim::FoundKey& key) const;
  std::string SealProblem(size_t index, const dkim::FoundKey& key) const;
  int OldestPass(const std::vector<dkim::FoundKey>& keys) const;

  const dkim::HeaderIndex& header_;
  const dkim::BodyHashes& body_;
  const int min_rsa_bits_;
  Sets sets_;
  std::vector<Parsed> parsed_;
};

}  // namespace cleanmail::mail::auth::arc
