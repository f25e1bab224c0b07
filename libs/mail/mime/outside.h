#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/mime/entities.h"

namespace cleanmail::mail::mime {

// Text of a multipart that is in none of its parts: before the first boundary, behind the closing
// one (RFC 2046 §5.1.1). Programs that know MIME do not show it.
struct Outside {
  std::string_view text;
  size_t container = 0;  // index of the multipart
  bool epilogue = false;
  bool whole_body = false;                 // no boundary ever came: programs may show it
  bool hides_part = false;                 // it has a header of a part or an encoded file in it
  size_t header = std::string_view::npos;  // where in `text` a part's header begins
};

// What stands outside in each multipart, as far as it is more than the usual sentence ("This is a
// multi-part message in MIME format.").
std::vector<Outside> FindOutside(std::string_view message, const Entities& entities);

// `header` without its Content-Transfer-Encoding fields.
std::string RemoveEncoding(std::string_view header);

}  // namespace cleanmail::mail::mime
