#include "services/scanner/analyzers/spam/reading/unicode.h"

#include <algorithm>
#include <array>

#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {

size_t CountCharacters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

size_t SpaceLength(std::string_view utf8, bool unicode) {
  if (utf8.empty()) return 0;
  if (IsBlank(utf8[0])) return 1;
  if (!unicode || static_cast<unsigned char>(utf8[0]) < 0xc2) return 0;
  static constexpr std::array<std::string_view, 20> kSpaces = {
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
      "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
      "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xe3\x80\x80"};
  for (const std::string_view space : kSpaces) {
    if (utf8.starts_with(space)) return space.size();
  }
  return 0;
}

size_t CountSpaces(std::string_view utf8, bool unicode) {
  size_t count = 0;
  for (size_t at = 0; at < utf8.size();) {
    const size_t length = SpaceLength(utf8.substr(at), unicode);
    count += length > 0 ? 1 : 0;
    at += std::max<size_t>(length, 1);
  }
  return count;
}

std::string ToLatin1(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto first = static_cast<unsigned char>(utf8[i]);
    if ((first == 0xc2 || first == 0xc3) && i + 1 < utf8.size()) {
      const auto second = static_cast<unsigned char>(utf8[++i]);
      out += static_cast<char>((first & 0x03) << 6 | (second & 0x3f));
    } else {
      out += utf8[i];
    }
  }
  return out;
}

}  // namespace cleanmail::scanner::spam
