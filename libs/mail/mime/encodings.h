#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// RFC 2045 §6.8. Decoding takes what it can: bytes outside the alphabet are skipped, padding ends
// it.
std::string DecodeBase64(std::string_view text);
// On one line.
std::string EncodeBase64(std::string_view bytes);
// In lines of 76 characters, each ended by CRLF.
std::string EncodeBase64Lines(std::string_view bytes);

// RFC 2045 §6.7. Malformed escapes stay as they are; soft line breaks go.
std::string DecodeQuotedPrintable(std::string_view text);
// Text lines (CRLF or LF) kept as lines, at most 76 characters each.
std::string EncodeQuotedPrintable(std::string_view text);

}  // namespace cleanmail::mail::mime
