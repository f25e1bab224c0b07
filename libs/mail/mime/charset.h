#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// `bytes` of that character set as UTF-8; malformed bytes become U+FFFD. Every set ICU knows, under
// the names mail programs use, read as browsers do where practice differs from the register
// (ISO-8859-1 is windows-1252, GB2312 is GB18030). nullopt for a set nobody knows. Names in any
// case.
std::optional<std::string> ToUtf8(std::string_view charset, std::string_view bytes);

// Well-formed UTF-8 made of `text`: each malformed byte becomes U+FFFD.
std::string RepairUtf8(std::string_view text);

// Text of a body, and how it was read.
struct DecodedText {
  std::string utf8;
  std::string charset;     // what it was read as, lower case
  bool guessed = false;    // no set is named, or one nobody knows, or it cannot be right
  bool unknown = false;    // one is named that nobody knows
  bool malformed = false;  // bytes that are not of the set
  bool utf7 = false;       // UTF-7: few programs read it, those that do see other text
};

// Reads `bytes` as the set named; as UTF-8 where they are, else as what they look like, where none
// is named or it is unknown, or US-ASCII with bytes beyond it. A byte order mark goes. Telling sets
// apart by their letters takes about a millisecond: without `detect` windows-1252 is taken instead.
DecodedText DecodeText(std::string_view charset, std::string_view bytes, bool detect = true);

}  // namespace cleanmail::mail::mime
