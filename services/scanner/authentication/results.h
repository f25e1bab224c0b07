#pragma once

#include <string_view>

#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/authentication/sender_authentication.h"

namespace cleanmail::scanner {

// Writes down what was found: for rules and lists (`authentication`), and as the value of an
// Authentication-Results field of `authserv_id` (RFC 8601). A signature that passed but does not
// count (dkim::Verdict::counts_for_alignment) is "neutral" to rules.
void AddResults(const SenderAuthentication& found, std::string_view authserv_id,
                mail::v1::MessageFacts& facts);

}  // namespace cleanmail::scanner
