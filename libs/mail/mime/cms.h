#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// What a CMS object (RFC 5652, S/MIME's "smime.p7m") is.
struct Cms {
  enum class Kind { kNone, kSigned, kEnveloped, kCompressed, kOther };
  Kind kind = Kind::kNone;
  // Of kSigned: what was signed, where it is within (opaque signing): a MIME entity.
  std::string content;
};

// Looks into `bytes` (BER, definite or not) as far as the content; verifies nothing. Total, no
// recursion.
Cms ReadCms(std::string_view bytes);

}  // namespace cleanmail::mail::mime
