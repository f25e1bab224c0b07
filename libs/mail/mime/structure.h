#pragma once

#include <cstddef>
#include <string_view>

namespace cleanmail::mail::mime {

struct StructureLimits {
  size_t parts = 10000;
  size_t depth = 100;
  size_t header_bytes = 256 * 1024;  // of one part
};

// What a message is made of, counted without decoding anything.
struct Structure {
  size_t parts = 0;  // leaves: bodies that are neither multipart nor a message within
  size_t multiparts = 0;
  size_t depth =
      0;  // 0: a single body; +1 for every multipart or message/rfc822 around the deepest part
  bool unclosed = false;    // a multipart did not end with its closing boundary
  bool over_limit = false;  // counting stopped at a limit, one of
  bool over_parts = false;
  bool over_depth = false;
  bool over_header = false;
};

// Counts parts and nesting; as FindEntities (entities.h), where it is defined.
Structure Inspect(std::string_view message, StructureLimits limits = {});

// A content type as far as structure needs it (RFC 2045 §5.1).
struct ContentType {
  std::string_view type;  // as written: compare without regard to case
  std::string_view subtype;
  std::string_view boundary;  // raw, quotes removed; empty without one
};
ContentType ParseContentType(std::string_view value);

}  // namespace cleanmail::mail::mime
