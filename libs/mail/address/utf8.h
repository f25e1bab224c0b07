#pragma once

#include <cstddef>
#include <string_view>

namespace cleanmail::mail::address {

// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629: no overlong forms, no
// surrogates), 0 if there is none.
size_t Utf8Length(std::string_view text);

// Whether all of `text` is well-formed UTF-8 without control characters (C0, DEL, C1).
bool IsPrintableUtf8(std::string_view text);

// Whether every byte is below 0x80.
bool IsAscii(std::string_view text);
// How many bytes from the beginning on are ASCII.
size_t AsciiLength(std::string_view text);

}  // namespace cleanmail::mail::address
