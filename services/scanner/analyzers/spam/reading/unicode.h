#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cleanmail::scanner::spam {

// Code points in well-formed UTF-8.
size_t CountCharacters(std::string_view utf8);
// Bytes of the white space character at the start of `utf8`, 0 if there is none. `unicode`: beyond
// ASCII too.
size_t SpaceLength(std::string_view utf8, bool unicode);
size_t CountSpaces(std::string_view utf8, bool unicode);
// Characters up to U+00FF as single bytes; others stay.
std::string ToLatin1(std::string_view utf8);

}  // namespace cleanmail::scanner::spam
