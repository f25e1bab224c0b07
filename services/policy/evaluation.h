#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"

namespace cleanmail::policy {

// What a message is and what was found in it.
struct Case {
  const mail::v1::Message& message;
  const std::vector<mail::v1::Finding>& findings;
  double score = 0;
};

// Whether a sender may write to one recipient.
struct EnvelopeDecision {
  bool accepted = false;
  int code = 0;               // reply otherwise
  std::string enhanced_code;  // RFC 3463
  std::string text;
  std::string rule;
};

// Decides by the rules of the message's tenant. Thread-safe.
class Evaluation {
 public:
  explicit Evaluation(const directory::Directory& directory) : directory_(directory) {}

  // Every recipient of the message in exactly one group. Unavailable until the directory is
  // complete.
  absl::StatusOr<std::vector<mail::v1::RecipientGroup>> Dispose(const Case& scanned) const;

  // One decision for each recipient of a transaction, in order, before its data. A tenant that left
  // while the client was speaking is refused; so is mail of a tenant's server that names no valid
  // tenant. Unavailable as above.
  absl::StatusOr<std::vector<EnvelopeDecision>> Admit(
      const v1::EvaluateEnvelopeRequest& request) const;

  // Whether the directory can be trusted to know every tenant.
  bool ready() const { return directory_.complete(); }

 private:
  const directory::Directory& directory_;
};

}  // namespace cleanmail::policy
