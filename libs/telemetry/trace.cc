#include "libs/telemetry/trace.h"

#include <algorithm>
#include <array>
#include <span>

namespace cleanmail::telemetry {
namespace {

// `bytes` random bytes in hex, not all zero.
std::string Hex(base::Random& random, size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::byte, 16> raw{};
  random.Fill(std::span(raw).first(bytes));
  raw[0] |= std::byte{1};
  std::string hex;
  for (size_t i = 0; i < bytes; ++i) {
    hex += kDigits[std::to_integer<int>(raw[i]) >> 4];
    hex += kDigits[std::to_integer<int>(raw[i]) & 15];
  }
  return hex;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::string NewTrace(base::Random& random) {
  return "00-" + Hex(random, 16) + "-" + Hex(random, 8) + "-01";
}

std::string ChildOf(std::string_view parent, base::Random& random) {
  if (!IsTrace(parent)) return NewTrace(random);
  return std::string(parent.substr(0, 36)) + Hex(random, 8) + std::string(parent.substr(52));
}

bool IsTrace(std::string_view text) {
  return text.size() == 55 && text.starts_with("00-") && text[35] == '-' && text[52] == '-' &&
         IsHex(text.substr(3, 32)) && IsHex(text.substr(36, 16)) && IsHex(text.substr(53)) &&
         !IsZero(text.substr(3, 32)) && !IsZero(text.substr(36, 16));
}

std::string_view TraceIdOf(std::string_view traceparent) {
  return IsTrace(traceparent) ? traceparent.substr(3, 32) : std::string_view();
}

}  // namespace cleanmail::telemetry
