#include "services/scanner/analyzers/spam/reading/encodings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/json.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encodings.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = LowerOf(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsBase64Letter(char c) { return IsLetter(c) || IsDigit(c) || c == '+' || c == '/'; }

// Sets of which plain ASCII is a part: ASCII bytes need no conversion.
bool ContainsAscii(std::string_view charset) {
  const std::string name = Lower(charset);
  static constexpr std::array<std::string_view, 7> kWhole = {
      "us-ascii", "ascii", "iso646-us", "utf-8", "utf8", "big5", "gbk"};
  if (std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end()) return true;
  for (const std::string_view prefix :
       {"iso-8859", "iso8859", "windows-", "koi8-", "euc-", "gb18030", "gb-18030", "ansi_x3.4-"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

std::string FromWindows1252(std::string_view bytes) {
  return mail::mime::ToUtf8("windows-1252", bytes).value_or(std::string(bytes));
}

std::string Utf16ToUtf8(std::string_view bytes, bool big_endian) {
  return mail::mime::ToUtf8(big_endian ? "utf-16be" : "utf-16le", bytes)
      .value_or(std::string(bytes));
}

// Which way round UTF-16 is, by where its zero and small bytes stand.
std::string DecodeUtf16(std::string_view bytes) {
  if (bytes.starts_with("\xff\xfe")) return Utf16ToUtf8(bytes.substr(2), false);
  if (bytes.starts_with("\xfe\xff")) return Utf16ToUtf8(bytes.substr(2), true);
  size_t even = 0;
  size_t odd = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    even += static_cast<unsigned char>(bytes[i]) == 0 ? 1 : 0;
    odd += static_cast<unsigned char>(bytes[i + 1]) == 0 ? 1 : 0;
  }
  return Utf16ToUtf8(bytes, even > odd);
}

std::optional<std::string> ByDeclaredCharset(std::string_view bytes, std::string_view declared,
                                             bool insist) {
  const std::string name = Lower(declared);
  if ((name == "us-ascii" || name == "ascii") && !insist) return std::nullopt;
  if (name.starts_with("utf-16") || name.starts_with("utf16") || name.starts_with("utf 16"))
    return DecodeUtf16(bytes);
  if (name == "utf-8" || name == "utf8") {
    if (!insist) return std::nullopt;  // it was tried and is not
    return mail::mime::RepairUtf8(bytes);
  }
  std::optional<std::string> text = mail::mime::ToUtf8(name, bytes);
  if (text.has_value() && !insist && text->find("\xef\xbf\xbd") != std::string::npos)
    return std::nullopt;
  return text;
}

struct Section {
  std::string text;
  std::string charset;  // empty: not encoded
};

// An encoded word at `at`: its end, or npos.
struct EncodedWord {
  size_t end = std::string_view::npos;
  std::string_view charset;
  char encoding = 0;
  std::string_view data;
};

EncodedWord EncodedWordAt(std::string_view value, size_t at) {
  EncodedWord word;
  if (value.substr(at, 2) != "=?") return word;
  size_t end = at + 2;
  while (end < value.size() && (IsWord(value[end]) || value[end] == '*' || value[end] == '-'))
    ++end;
  if (end == at + 2 || end + 2 >= value.size() || value[end] != '?' || value[end + 2] != '?')
    return word;
  const char encoding = LowerOf(value[end + 1]);
  if (encoding != 'b' && encoding != 'q') return word;
  const size_t data = end + 3;
  const size_t close = value.find('?', data);
  if (close == std::string_view::npos || value.substr(close, 2) != "?=") return word;
  word.charset = value.substr(at + 2, end - at - 2);
  word.encoding = encoding;
  word.data = value.substr(data, close - data);
  word.end = close + 2;
  return word;
}

std::vector<Section> SectionsOf(std::string_view value) {
  std::vector<Section> sections;
  const auto add = [&sections](std::string text, std::string charset) {
    if (!sections.empty() && sections.back().charset == charset) {
      sections.back().text += text;
    } else {
      sections.push_back({std::move(text), std::move(charset)});
    }
  };
  size_t at = 0;
  while (at < value.size()) {
    const EncodedWord word = EncodedWordAt(value, at);
    if (word.end == std::string_view::npos) {
      const size_t next = value.find('=', at + 1);
      const size_t end = next == std::string_view::npos ? value.size() : next;
      add(std::string(value.substr(at, end - at)), "");
      at = end;
      continue;
    }
    std::string data = word.encoding == 'b'
                           ? DecodeBase64Leniently(word.data)
                           : DecodeQp(Replaced(std::string(word.data), "_", "=20"));
    add(std::move(data), Lower(word.charset));
    at = word.end;
    // White space between two encoded words is not shown.
    size_t behind = at;
    while (behind < value.size() && IsBlank(value[behind])) ++behind;
    if (behind > at && EncodedWordAt(value, behind).end != std::string_view::npos) at = behind;
  }
  return sections;
}

bool IsNeverEncoded(std::string_view name) {
  const std::string lower = Lower(name);
  return lower == "received" || lower == "message-id" || lower == "resent-message-id" ||
         lower == "date" || lower == "resent-date" || lower == "mime-version" ||
         lower == "references" || lower == "in-reply-to" || lower.starts_with("list-");
}

}  // namespace

std::string DecodeQp(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const std::string_view line : Lines(text)) {
    std::string_view body = line;
    std::string_view end;
    if (body.ends_with("\r\n")) {
      end = body.substr(body.size() - 2);
    } else if (body.ends_with('\n')) {
      end = body.substr(body.size() - 1);
    }
    body.remove_suffix(end.size());
    if (!end.empty()) {
      while (!body.empty() && (body.back() == ' ' || body.back() == '\t')) body.remove_suffix(1);
    }
    const bool soft = !end.empty() && body.ends_with('=');
    if (soft) body.remove_suffix(1);
    size_t from = 0;
    for (size_t at = body.find('='); at != std::string_view::npos && at + 2 < body.size();
         at = body.find('=', from)) {
      const int high = HexDigit(body[at + 1]);
      const int low = HexDigit(body[at + 2]);
      const bool escape = high >= 0 && low >= 0;
      out += body.substr(from, at + (escape ? 0 : 1) - from);
      if (escape) out += static_cast<char>(high * 16 + low);
      from = at + (escape ? 3 : 1);
    }
    out += body.substr(from);
    if (!soft) out += end;
  }
  return out;
}

std::string DecodeBase64Leniently(std::string_view text) {
  std::string letters;
  letters.reserve(text.size());
  for (const char c : text) {
    if (IsBase64Letter(c) || c == '=') letters += c;
  }
  while (letters.ends_with('=')) letters.pop_back();
  std::replace(letters.begin(), letters.end(), '=', 'A');  // padding in the middle is read on
  if (letters.size() % 4 == 1) letters.pop_back();
  return mail::mime::DecodeBase64(letters);
}

DecodedText NormalizeCharset(std::string_view bytes, std::string_view declared, bool insist) {
  const bool ascii = IsAscii(bytes);
  if (ascii && ContainsAscii(declared)) return {std::string(bytes), false};
  if (!ascii && !insist && base::IsUtf8(bytes)) return {std::string(bytes), true};
  if (std::optional<std::string> text = ByDeclaredCharset(bytes, declared, insist);
      text.has_value())
    return {*std::move(text), true};
  if (ascii) return {std::string(bytes), false};
  return {FromWindows1252(bytes), true};
}

std::string DecodeHeaderValue(std::string_view raw, std::string_view field_name) {
  std::string value;
  value.reserve(raw.size());
  size_t from = 0;
  for (size_t at = raw.find('\n'); at != std::string_view::npos; at = raw.find('\n', from)) {
    const bool crlf = at > from && raw[at - 1] == '\r';
    value.append(raw, from, at - from - (crlf ? 1 : 0));
    from = at + 1;
    if (from < raw.size() && raw[from] == '\t') {
      value += ' ';
      ++from;
    }
  }
  value.append(raw, from);
  if (!IsAscii(value)) value = NormalizeCharset(value, "utf-8", false).utf8;
  if (value.find("=?") == std::string::npos || IsNeverEncoded(field_name)) return value;
  std::string decoded;
  for (const Section& section : SectionsOf(value)) {
    if (section.charset.empty()) {
      decoded += section.text;
      continue;
    }
    const std::string charset = section.charset.substr(0, section.charset.find('*'));
    decoded += NormalizeCharset(section.text, charset, true).utf8;
  }
  return decoded;
}

}  // namespace cleanmail::scanner::spam
