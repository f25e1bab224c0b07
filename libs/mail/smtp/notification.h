#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::mail::smtp {

// What a sender asks to be told about a recipient: the parameters of RCPT (RFC 3461 §4.1, §4.2).
struct RecipientParameters {
  // NOTIFY; without it all are false.
  bool never = false;
  bool on_success = false;
  bool on_failure = false;
  bool on_delay = false;
  // ORCPT with its xtext decoded, "rfc822;bob@example.org": printable, but still hostile. Empty:
  // none.
  std::string original_recipient = {};

  bool notify() const { return never || on_success || on_failure || on_delay; }
  bool operator==(const RecipientParameters&) const = default;
};

// The parameters of RCPT. Unimplemented for one we do not know (555), InvalidArgument for a
// malformed, doubled or contradictory one (501).
absl::StatusOr<RecipientParameters> ParseRecipientParameters(std::string_view text);

// The parameters as they stand behind a path, each with a space before it; those not given are left
// out.
std::string ToText(const RecipientParameters& parameters);

// ENVID (RFC 3461 §4.4): at most 100 octets of xtext, printable once decoded. InvalidArgument.
absl::StatusOr<std::string> DecodeEnvelopeId(std::string_view value);

// Text as xtext (RFC 3461 §4): safe in any parameter.
std::string EncodeXtext(std::string_view text);

}  // namespace cleanmail::mail::smtp
