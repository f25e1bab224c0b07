#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "libs/mail/html/page.h"
#include "libs/mail/mime/contents.h"
#include "libs/mail/mime/entities.h"
#include "libs/mail/mime/header_block.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/authentication/sender_authentication.h"

namespace cleanmail::scanner {

// An HTML text of a message, read.
struct ParsedPage {
  size_t content = 0;  // index of Contents::list
  mail::html::Page page;
};

// A message as analyzers see it: its bytes, header and body, CRLF, and what they are made of, found
// once for all of them. Not thread-safe: one worker looks at one message.
struct ParsedMessage {
  static constexpr size_t kMostPages = 20;

  // `message` must outlive it.
  explicit ParsedMessage(std::string_view message, mail::mime::StructureLimits limits = {});

  // The HTML texts, attached ones too, the first kMostPages of them; read when first asked for.
  const std::vector<ParsedPage>& pages() const;

  std::string_view bytes;
  mail::mime::Entities parts;
  // Every text and file in it, decoded, in every reading.
  mail::mime::Contents contents;
  // The message's own header; without fields when it is past all limits (Structure::over_header).
  mail::mime::HeaderBlock header;
  // How it came, and who sent it; null where that is not known. What they point to outlives it.
  const mail::v1::Message* envelope = nullptr;
  const SenderAuthentication* authentication = nullptr;
  // Links that stand in no text, read from codes in pictures by what has been asked so far.
  std::vector<std::string> picture_links;

 private:
  mutable std::optional<std::vector<ParsedPage>> pages_;
};

}  // namespace cleanmail::scanner
