#pragma once

#include <string_view>

#include "libs/mail/mime/entities.h"

namespace cleanmail::scanner {

// A message as analyzers see it: its bytes, header and body, CRLF, and what they are made of, found
// once for all of them.
struct ParsedMessage {
  explicit ParsedMessage(std::string_view message, mail::mime::StructureLimits limits = {})
      : bytes(message), parts(mail::mime::FindEntities(message, limits)) {}

  std::string_view bytes;
  mail::mime::Entities parts;
};

}  // namespace cleanmail::scanner
