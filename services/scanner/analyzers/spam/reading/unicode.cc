#include "services/scanner/analyzers/spam/reading/unicode.h"

#include <algorithm>

namespace cleanmail::scanner::spam {

size_t CountCharacters(std::string_view utf8) {
  if (IsAscii(utf8)) return utf8.size();
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

size_t WideSpaceLength(std::string_view utf8) {
  if (utf8.starts_with("\xc2\x85") || utf8.starts_with("\xc2\xa0")) return 2;
  if (utf8.size() < 3) return 0;
  const std::string_view two = utf8.substr(0, 2);
  const auto third = static_cast<unsigned char>(utf8[2]);
  const bool space = (two == "\xe2\x80" && (third == 0xa8 || third == 0xa9 || third == 0xaf ||
                                            (third >= 0x80 && third <= 0x8a))) ||
                     (two == "\xe2\x81" && third == 0x9f) || (two == "\xe3\x80" && third == 0x80) ||
                     (two == "\xe1\x9a" && third == 0x80);
  return space ? 3 : 0;
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
