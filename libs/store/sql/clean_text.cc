#include "libs/store/sql/clean_text.h"

#include "libs/base/json.h"

namespace cleanmail::sql {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Bytes of the character that begins with `c`, 1 when none does.
size_t LengthOf(unsigned char c) { return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1; }

}  // namespace

std::optional<std::string> CleanText(std::string_view text) {
  if (text.find('\0') == std::string_view::npos && base::IsUtf8(text)) return std::nullopt;
  std::string clean;
  clean.reserve(text.size() + 8);
  while (!text.empty()) {
    std::string_view character = text.substr(0, LengthOf(static_cast<unsigned char>(text[0])));
    if (character == std::string_view("\0", 1) || !base::IsUtf8(character)) {
      character = text.substr(0, 1);
      clean += kReplacement;
    } else {
      clean += character;
    }
    text.remove_prefix(character.size());
  }
  return clean;
}

}  // namespace cleanmail::sql
