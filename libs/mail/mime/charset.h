#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// `bytes` of that character set as UTF-8: UTF-8 itself (malformed bytes become U+FFFD), US-ASCII,
// ISO-8859-1 (read as the windows-1252 it is in practice), ISO-8859-15 and windows-1252. nullopt
// for a set we have no table for. Names in any case.
std::optional<std::string> ToUtf8(std::string_view charset, std::string_view bytes);

// Well-formed UTF-8 made of `text`: each malformed byte becomes U+FFFD.
std::string RepairUtf8(std::string_view text);

}  // namespace cleanmail::mail::mime
