#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::auth::dmarc {

// More author addresses than any letter has use for.
inline constexpr size_t kMaxAuthors = 50;

// Who a message says it is from (RFC 5322 §3.6.2), as DMARC needs it.
struct Author {
  size_t fields = 0;      // From fields
  bool readable = false;  // exactly one, and every address in it was understood
  std::vector<std::string> domains =
      {};  // distinct, A-labels in lower case, in order; of all fields
};

// Reads From by the grammar of RFC 5322 §3.4, groups, comments, quoted strings and encoded words'
// brackets included; never takes an address out of a display name or a comment.
Author ReadAuthor(const mime::HeaderBlock& header);

}  // namespace cleanmail::mail::auth::dmarc
