#pragma once

#include <string_view>

#include "libs/mail/mime/contents.h"
#include "libs/mail/mime/entities.h"
#include "libs/mail/mime/header_block.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/authentication/sender_authentication.h"

namespace cleanmail::scanner {

// A message as analyzers see it: its bytes, header and body, CRLF, and what they are made of, found
// once for all of them.
struct ParsedMessage {
  // `message` must outlive it.
  explicit ParsedMessage(std::string_view message, mail::mime::StructureLimits limits = {});

  std::string_view bytes;
  mail::mime::Entities parts;
  // Every text and file in it, decoded, in every reading.
  mail::mime::Contents contents;
  // The message's own header; without fields when it is past all limits (Structure::over_header).
  mail::mime::HeaderBlock header;
  // How it came, and who sent it; null where that is not known. What they point to outlives it.
  const mail::v1::Message* envelope = nullptr;
  const SenderAuthentication* authentication = nullptr;
};

}  // namespace cleanmail::scanner
