#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/dkim/signer.h"

namespace cleanmail::mail::auth::arc {

// The three fields of a new set: values, folded, without line ends. Put them on top of the message
// in this order: seal first, then message, then results.
struct NewSet {
  std::string seal;
  std::string message;
  std::string results;
};

// Seals a message as we send it (RFC 8617 §5.1). `header` is the header as it will be sent, ARC
// sets that came included; `body_hash` as for dkim::Sign; `arrived` the chain as it came, checked
// before we changed anything; `found` our results of that moment. FailedPrecondition: the chain may
// not be sealed. InvalidArgument: a key of another kind.
absl::StatusOr<NewSet> MakeSet(const dkim::HeaderIndex& header, std::string_view body_hash,
                               const Verdict& arrived, const results::AuthenticationResults& found,
                               const dkim::Signing& signing);

}  // namespace cleanmail::mail::auth::arc
