#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {

// Code points in well-formed UTF-8.
size_t CountCharacters(std::string_view utf8);
// Bytes of the white space character beyond ASCII at the start of `utf8`, 0 if there is none.
size_t WideSpaceLength(std::string_view utf8);
// Bytes of the white space character at the start of `utf8`, 0 if there is none. `unicode`: beyond
// ASCII too.
inline size_t SpaceLength(std::string_view utf8, bool unicode) {
  if (utf8.empty()) return 0;
  if (static_cast<unsigned char>(utf8[0]) < 0x80) return IsBlank(utf8[0]) ? 1 : 0;
  return unicode ? WideSpaceLength(utf8) : 0;
}
size_t CountSpaces(std::string_view utf8, bool unicode);
// Characters up to U+00FF as single bytes; others stay.
std::string ToLatin1(std::string_view utf8);

}  // namespace cleanmail::scanner::spam
