#include "libs/base/uuid.h"

#include <array>

namespace cleanmail::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kTextLength = 36;

constexpr bool IsHyphenAt(size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

}  // namespace

std::string NewUuid(const Clock& clock, Random& random) {
  std::array<std::byte, 16> bytes;
  random.Fill(bytes);
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(clock.Now()));
  for (size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::byte>(millis >> (40 - 8 * i));
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x70};  // version 7
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};  // variant
  std::string text;
  text.reserve(kTextLength);
  for (const std::byte b : bytes) {
    if (IsHyphenAt(text.size())) text += '-';
    text += kHexDigits[std::to_integer<size_t>(b >> 4)];
    text += kHexDigits[std::to_integer<size_t>(b & std::byte{0x0f})];
  }
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != kTextLength) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenAt(i) ? text[i] != '-' : kHexDigits.find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace cleanmail::base
