#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// RFC 2045 §6.8. Decoding takes what it can: bytes outside the alphabet are skipped, padding ends
// it.
std::string DecodeBase64(std::string_view text);

// What different programs make of base64 that is not clean.
struct Base64Readings {
  std::string first;  // as DecodeBase64
  // What follows padding read on, as if it were not there; nullopt where nothing follows.
  std::optional<std::string> past_padding;
  // Up to the first byte that is neither of the alphabet nor white space; nullopt without one.
  std::optional<std::string> strict;
};
Base64Readings ReadBase64(std::string_view text);

// On one line.
std::string EncodeBase64(std::string_view bytes);
// In lines of 76 characters, each ended by CRLF.
std::string EncodeBase64Lines(std::string_view bytes);

// RFC 2045 §6.7. Malformed escapes stay as they are, small letters count as digits; soft
// line breaks go, also with blanks behind the `=`.
std::string DecodeQuotedPrintable(std::string_view text);
// Text lines (CRLF or LF) kept as lines, at most 76 characters each.
std::string EncodeQuotedPrintable(std::string_view text);

}  // namespace cleanmail::mail::mime
