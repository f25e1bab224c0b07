#include "libs/mail/mime/charset.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>
#include <unicode/ustring.h>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr size_t kLongestName = 60;
constexpr size_t kLookedAt = 2048;  // bytes a guess is made from
constexpr int kSureEnough = 40;     // of 100, as ICU says

// What mail programs write, and what ICU calls it. Sets whose name is used for a larger one are
// read as the larger one (WHATWG Encoding §4.2).
constexpr std::array<std::pair<std::string_view, const char*>, 26> kNames = {
    {{"gb2312", "gb18030"},
     {"gbk", "gb18030"},
     {"x-gbk", "gb18030"},
     {"gb_2312-80", "gb18030"},
     {"cp936", "gb18030"},
     {"euc-kr", "windows-949"},
     {"ks_c_5601-1987", "windows-949"},
     {"ks_c_5601-1989", "windows-949"},
     {"ksc5601", "windows-949"},
     {"shift_jis", "windows-31j"},
     {"shift-jis", "windows-31j"},
     {"x-sjis", "windows-31j"},
     {"sjis", "windows-31j"},
     {"cp932", "windows-31j"},
     {"iso-8859-9", "windows-1254"},
     {"iso-8859-11", "windows-874"},
     {"tis-620", "windows-874"},
     {"iso-8859-8-i", "iso-8859-8"},
     {"iso-8859-8-e", "iso-8859-8"},
     {"iso-8859-6-i", "iso-8859-6"},
     {"x-mac-cyrillic", "x-mac-cyrillic"},
     {"x-mac-roman", "macintosh"},
     {"unicode-1-1-utf-7", "UTF-7"},
     {"unicode-2-0-utf-7", "UTF-7"},
     {"utf7", "UTF-7"},
     {"koi8", "koi8-r"}}};

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

std::string FromWindows1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const uint16_t point = byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80] : byte;
    if (point == 0 && byte != 0) {
      out += kReplacement;
    } else {
      AppendUtf8(point, out);
    }
  }
  return out;
}

std::string FromAscii(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += kReplacement;
    }
  }
  return out;
}

bool Is(std::string_view charset, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [charset](std::string_view name) {
    return absl::EqualsIgnoreCase(base::AbslView(charset), base::AbslView(name));
  });
}

bool IsUtf8Name(std::string_view name) { return Is(name, {"utf-8", "utf8", "utf8mb4", "x-utf-8"}); }
bool IsAsciiName(std::string_view name) {
  return Is(name, {"us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"});
}
bool IsLatin1Name(std::string_view name) {
  return Is(name, {"iso-8859-1", "latin1", "windows-1252", "cp1252", "iso8859-1", "iso_8859-1"});
}

bool IsWellFormed(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const size_t length = address::Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
struct CloseDetector {
  void operator()(UCharsetDetector* detector) const { ucsdet_close(detector); }
};

// nullopt for a set ICU does not know.
std::optional<std::string> ByIcu(std::string_view charset, std::string_view bytes) {
  if (charset.empty() || charset.size() > kLongestName) return std::nullopt;
  std::string name(charset);
  for (const auto& [written, known] : kNames) {
    if (Is(charset, {written})) name = known;
  }
  // The register's names only: ICU takes "x,option=y" and files by path for names as well.
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '+';
  });
  if (!plain) return std::nullopt;
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, CloseConverter> converter(ucnv_open(name.c_str(), &error));
  if (U_FAILURE(error)) return std::nullopt;
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  std::vector<UChar> units(4096);
  std::vector<char> utf8(units.size() * 3);
  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  UChar held = 0;  // a high surrogate whose low one comes with the next piece
  while (true) {
    UChar* to = units.data();
    if (held != 0) *to++ = std::exchange(held, 0);
    error = U_ZERO_ERROR;
    ucnv_toUnicode(converter.get(), &to, units.data() + units.size(), &from, end, nullptr, 1,
                   &error);
    const bool more = error == U_BUFFER_OVERFLOW_ERROR;
    if (U_FAILURE(error) && !more) return std::nullopt;
    if (more && to > units.data() && U16_IS_LEAD(to[-1])) held = *--to;
    UErrorCode ignored = U_ZERO_ERROR;
    int32_t length = 0;
    u_strToUTF8WithSub(utf8.data(), static_cast<int32_t>(utf8.size()), &length, units.data(),
                       static_cast<int32_t>(to - units.data()), 0xfffd, nullptr, &ignored);
    if (U_SUCCESS(ignored)) out.append(utf8.data(), static_cast<size_t>(length));
    if (!more) break;
  }
  return out;
}

// What `bytes` look like, of no set in particular.
std::string Guess(std::string_view bytes, bool detect) {
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) return "utf-16";
  if (IsWellFormed(bytes)) {
    const bool escapes = bytes.find("\x1b$") != std::string_view::npos;
    return escapes ? "iso-2022-jp" : "utf-8";
  }
  if (!detect) return "windows-1252";
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UCharsetDetector, CloseDetector> detector(ucsdet_open(&error));
  const std::string_view some = bytes.substr(0, kLookedAt);
  ucsdet_setText(detector.get(), some.data(), static_cast<int32_t>(some.size()), &error);
  const UCharsetMatch* match = ucsdet_detect(detector.get(), &error);
  if (U_FAILURE(error) || match == nullptr || ucsdet_getConfidence(match, &error) < kSureEnough)
    return "windows-1252";
  const char* name = ucsdet_getName(match, &error);
  std::string found = U_FAILURE(error) || name == nullptr ? "windows-1252" : name;
  std::ranges::transform(found, found.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return found == "utf-8" ? "windows-1252" : found;  // it is not: that was looked at
}

}  // namespace

std::string RepairUtf8(std::string_view text) {
  if (address::IsAscii(text) || IsWellFormed(text)) return std::string(text);
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
  if (IsUtf8Name(charset)) return RepairUtf8(bytes);
  if (IsAsciiName(charset)) return FromAscii(bytes);
  if (IsLatin1Name(charset)) return FromWindows1252(bytes);
  return ByIcu(charset, bytes);
}

DecodedText DecodeText(std::string_view charset, std::string_view bytes, bool detect) {
  DecodedText text;
  std::string name(charset.substr(0, std::min(charset.size(), kLongestName + 1)));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  text.utf7 = name.find("utf-7") != std::string::npos || name == "utf7";
  const bool ascii = name.empty() || IsAsciiName(name);
  std::optional<std::string> read;
  if (!ascii) {
    read = ToUtf8(name, bytes);
    text.unknown = !read.has_value();
  } else if (address::IsAscii(bytes) && bytes.find('\x1b') == std::string_view::npos) {
    read = std::string(bytes);
    if (name.empty()) name = "us-ascii";
  } else {
    text.malformed = !name.empty();
  }
  if (!read) {
    text.guessed = true;
    name = Guess(bytes, detect);
    read = ToUtf8(name, bytes);
    if (!read) read = FromWindows1252(bytes);
  }
  text.malformed = text.malformed || (read->find(kReplacement) != std::string::npos &&
                                      bytes.find(kReplacement) == std::string_view::npos);
  if (read->starts_with("\xef\xbb\xbf")) read->erase(0, 3);
  text.utf8 = *std::move(read);
  text.charset = std::move(name);
  return text;
}

}  // namespace cleanmail::mail::mime
