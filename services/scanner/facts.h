#pragma once

#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner {

// What rules may ask of a message beside findings: header fields, attachments, whether something in
// it is signed or encrypted. Bounded as mail.proto says.
mail::v1::MessageFacts FactsOf(const ParsedMessage& message);

}  // namespace cleanmail::scanner
