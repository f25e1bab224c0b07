#include "libs/mail/mime/encodings.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr size_t kLineCharacters = 76;

constexpr std::array<int8_t, 256> MakeBase64Values() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = MakeBase64Values();

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Letters of the alphabet as bytes; everything else is passed over.
std::string DecodeLetters(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  size_t at = 0;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at++] = static_cast<char>(bits >> held & 0xff);
    }
  }
  out.resize(at);
  return out;
}

// Bytes of the soft line end behind a `=`; 0 when there is none.
size_t SoftLineEnd(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of(" \t"), text.size());
  if (text.substr(end).starts_with("\r\n")) return end + 2;
  if (text.substr(end).starts_with('\n')) return end + 1;
  return end == text.size() ? end : 0;
}

}  // namespace

std::string DecodeBase64(std::string_view text) {
  return DecodeLetters(text.substr(0, text.find('=')));
}

Base64Readings ReadBase64(std::string_view text) {
  Base64Readings readings;
  const size_t padding = std::min(text.find('='), text.size());
  readings.first = DecodeLetters(text.substr(0, padding));
  const auto is_letter = [](char c) { return kBase64Values[static_cast<unsigned char>(c)] >= 0; };
  const std::string_view behind = text.substr(padding);
  if (std::ranges::any_of(behind, is_letter)) {
    // Each padded piece is decoded by itself.
    std::string all = readings.first;
    for (std::string_view rest = behind; !rest.empty();) {
      rest.remove_prefix(std::min(rest.find_first_not_of('='), rest.size()));
      const std::string_view piece = rest.substr(0, rest.find('='));
      all += DecodeLetters(piece);
      rest.remove_prefix(piece.size());
    }
    if (all != readings.first) readings.past_padding = std::move(all);
  }
  const auto foreign = std::ranges::find_if(text.substr(0, padding), [&](char c) {
    return !is_letter(c) && c != '\r' && c != '\n' && c != ' ' && c != '\t';
  });
  const auto length = static_cast<size_t>(foreign - text.begin());
  if (length < padding) {
    std::string strict = DecodeLetters(text.substr(0, length));
    if (strict != readings.first) readings.strict = std::move(strict);
  }
  return readings;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const auto byte = [&](size_t k) -> uint32_t {
      return k < left ? static_cast<unsigned char>(bytes[i + k]) : 0;
    };
    const uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kBase64[bits >> 18];
    out += kBase64[bits >> 12 & 63];
    out += left > 1 ? kBase64[bits >> 6 & 63] : '=';
    out += left > 2 ? kBase64[bits & 63] : '=';
  }
  return out;
}

std::string EncodeBase64Lines(std::string_view bytes) {
  const std::string all = EncodeBase64(bytes);
  std::string out;
  for (size_t i = 0; i < all.size(); i += kLineCharacters) {
    out.append(all, i, kLineCharacters);
    out += "\r\n";
  }
  return out;
}

std::string DecodeQuotedPrintable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    const int high = rest.size() < 2 ? -1 : HexValue(rest[0]);
    const int low = rest.size() < 2 ? -1 : HexValue(rest[1]);
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else if (const size_t soft = SoftLineEnd(rest); soft > 0) {
      i += soft;
    } else {
      out += '=';
    }
  }
  return out;
}

std::string EncodeQuotedPrintable(std::string_view text) {
  std::string out;
  size_t column = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || text.substr(i).starts_with("\r\n")) {
      out += "\r\n";
      column = 0;
      if (c == '\r') ++i;
      continue;
    }
    const bool line_ends =
        i + 1 == text.size() || text[i + 1] == '\n' || text.substr(i + 1).starts_with("\r\n");
    const bool plain =
        (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !line_ends);
    const size_t width = plain ? 1 : 3;
    if (column + width > kLineCharacters - 1) {
      out += "=\r\n";
      column = 0;
    }
    // A dot at the start of a line is escaped so that no careless relay takes it for the end of
    // data.
    if (plain && !(c == '.' && column == 0)) {
      out += c;
      column += 1;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '=';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      column += 3;
    }
  }
  return out;
}

}  // namespace cleanmail::mail::mime
