#pragma once

#include <string>
#include <string_view>

namespace cleanmail::scanner::spam {

// Text that may hold characters beyond ASCII. `wide` says whether such a character was read from
// outside (then the text is UTF-8 for rules); otherwise what is beyond ASCII came of HTML entities
// up to U+00FF, and rules see single bytes.
struct DecodedText {
  std::string utf8;
  bool wide = false;
};

// Quoted-printable and base64 as SpamAssassin reads them, which its rules lean on.
std::string DecodeQp(std::string_view text);
std::string DecodeBase64Leniently(std::string_view text);

// `bytes` as UTF-8. The declared charset is believed only where the bytes are not UTF-8 already,
// unless `insist`; what fits nothing is read as windows-1252.
DecodedText NormalizeCharset(std::string_view bytes, std::string_view declared, bool insist);

// A header value with line folds removed, its encoded words and odd bytes read.
std::string DecodeHeaderValue(std::string_view value, std::string_view field_name);

}  // namespace cleanmail::scanner::spam
