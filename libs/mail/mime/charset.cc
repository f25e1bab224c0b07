#include "libs/mail/mime/charset.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// 0x80 to 0x9f of windows-1252; 0 where nothing is assigned.
constexpr std::array<uint16_t, 32> kWindows1252 = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

void AppendUtf8(uint16_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

uint16_t Latin9(unsigned char byte) {
  switch (byte) {
    case 0xa4:
      return 0x20ac;
    case 0xa6:
      return 0x0160;
    case 0xa8:
      return 0x0161;
    case 0xb4:
      return 0x017d;
    case 0xb8:
      return 0x017e;
    case 0xbc:
      return 0x0152;
    case 0xbd:
      return 0x0153;
    case 0xbe:
      return 0x0178;
    default:
      return byte;
  }
}

template <class PointOf>
std::string Convert(std::string_view bytes, PointOf point_of) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const uint16_t point = point_of(static_cast<unsigned char>(c));
    if (point == 0 && c != 0) {
      out += kReplacement;
    } else {
      AppendUtf8(point, out);
    }
  }
  return out;
}

bool Is(std::string_view charset, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [charset](std::string_view name) {
    return absl::EqualsIgnoreCase(base::AbslView(charset), base::AbslView(name));
  });
}

}  // namespace

std::string RepairUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = address::Utf8Length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::optional<std::string> ToUtf8(std::string_view charset, std::string_view bytes) {
  if (Is(charset, {"utf-8", "utf8"})) return RepairUtf8(bytes);
  if (Is(charset, {"us-ascii", "ascii"})) {
    return Convert(bytes, [](unsigned char byte) -> uint16_t { return byte < 0x80 ? byte : 0; });
  }
  if (Is(charset, {"iso-8859-1", "latin1", "windows-1252", "cp1252"})) {
    return Convert(bytes, [](unsigned char byte) -> uint16_t {
      return byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80] : byte;
    });
  }
  if (Is(charset, {"iso-8859-15", "latin9"})) return Convert(bytes, Latin9);
  return std::nullopt;
}

}  // namespace cleanmail::mail::mime
