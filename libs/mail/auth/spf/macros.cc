#include "libs/mail/auth/spf/macros.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "libs/base/cat.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::spf {
namespace {

constexpr std::string_view kDelimiters = ".-+,/_=";
constexpr size_t kMaxExpansion = 4096;

// One piece of a macro-string: a run of plain characters, an escape or a macro.
struct Token {
  size_t length = 0;
  std::string_view plain = {};
  char letter = 0;  // 0: plain
  size_t keep = 0;  // right-hand parts; 0: all
  bool reverse = false;
  std::string_view delimiters = ".";
};

// `text` begins after "%{".
std::optional<Token> ReadMacro(std::string_view text) {
  const size_t end = text.find('}');
  if (end == text.npos || end == 0) return std::nullopt;
  Token token{.length = end + 3, .letter = text[0]};
  std::string_view rest = text.substr(1, end - 1);
  size_t digits = 0;
  while (digits < rest.size() && IsDigit(rest[digits])) ++digits;
  if (digits > 0) {
    const auto keep = ParseNumber(rest.substr(0, std::min<size_t>(digits, 18)));
    if (!keep.has_value() || *keep == 0) return std::nullopt;
    token.keep = *keep;
    rest.remove_prefix(digits);
  }
  if (!rest.empty() && LowerChar(rest[0]) == 'r') {
    token.reverse = true;
    rest.remove_prefix(1);
  }
  if (rest.find_first_not_of(kDelimiters) != rest.npos) return std::nullopt;
  if (!rest.empty()) token.delimiters = rest;
  return token;
}

// `text` is not empty.
std::optional<Token> NextToken(std::string_view text) {
  if (text[0] != '%') {
    const size_t length = std::min(text.find('%'), text.size());
    return Token{.length = length, .plain = text.substr(0, length)};
  }
  if (text.size() < 2) return std::nullopt;
  switch (text[1]) {
    case '%':
      return Token{.length = 2, .plain = "%"};
    case '_':
      return Token{.length = 2, .plain = " "};
    case '-':
      return Token{.length = 2, .plain = "%20"};
    case '{':
      return ReadMacro(text.substr(2));
    default:
      return std::nullopt;
  }
}

bool IsLetter(char letter, bool explanation) {
  const std::string_view known = explanation ? "slodipvhcrt" : "slodipvh";
  return known.find(LowerChar(letter)) != known.npos;
}

std::string ValueOf(char letter, const MacroValues& values) {
  const size_t at = values.sender.rfind('@');
  switch (LowerChar(letter)) {
    case 's':
      return values.sender;
    case 'l':
      return values.sender.substr(0, at);
    case 'o':
      return at == values.sender.npos ? values.sender : values.sender.substr(at + 1);
    case 'd':
      return values.domain;
    case 'i':
      return values.client.ToDotted();
    case 'p':
      return values.validated.empty() ? "unknown" : values.validated;
    case 'v':
      return values.client.v6 ? "ip6" : "in-addr";
    case 'h':
      return values.helo;
    case 'c':
      return values.client.ToText();
    case 'r':
      return values.receiver.empty() ? "unknown" : values.receiver;
    default:
      return std::to_string(values.now_seconds);
  }
}

std::string Transformed(const std::string& value, const Token& token) {
  if (token.keep == 0 && !token.reverse && token.delimiters == ".") return value;
  std::vector<std::string_view> parts;
  for (std::string_view rest = value;;) {
    const size_t end = rest.find_first_of(token.delimiters);
    parts.push_back(rest.substr(0, end));
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  if (token.reverse) std::reverse(parts.begin(), parts.end());
  const size_t skip = token.keep == 0 || token.keep >= parts.size() ? 0 : parts.size() - token.keep;
  std::string joined;
  for (size_t i = skip; i < parts.size(); ++i) {
    if (i > skip) joined += '.';
    joined += parts[i];
  }
  return joined;
}

// RFC 3986 §2.3: everything but unreserved characters.
std::string UrlEscaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

// RFC 7208 §12: toplabel, not all digits, no hyphen at an end.
bool IsTopLabel(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  const auto fits = [](char c) { return IsAlnum(c) || c == '-'; };
  return std::all_of(label.begin(), label.end(), fits) &&
         !std::all_of(label.begin(), label.end(), &IsDigit);
}

}  // namespace

bool IsMacroString(std::string_view text, bool explanation) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7E || (c == ' ' && !explanation)) return false;
  while (!text.empty()) {
    const auto token = NextToken(text);
    if (!token.has_value() || (token->letter != 0 && !IsLetter(token->letter, explanation)))
      return false;
    text.remove_prefix(token->length);
  }
  return true;
}

bool IsDomainSpec(std::string_view text) {
  if (text.empty() || !IsMacroString(text, false)) return false;
  size_t last = 0;  // where the last token begins
  Token token;
  for (size_t at = 0; at < text.size(); at += token.length) {
    last = at;
    token = *NextToken(text.substr(at));
  }
  if (token.letter != 0 || text[last] == '%') return true;
  std::string_view tail = token.plain;
  if (tail.ends_with('.')) tail.remove_suffix(1);
  const size_t dot = tail.rfind('.');
  return dot != tail.npos && IsTopLabel(tail.substr(dot + 1));
}

bool NeedsValidatedName(std::string_view text) {
  while (!text.empty()) {
    const auto token = NextToken(text);
    if (!token.has_value()) return false;
    if (LowerChar(token->letter) == 'p') return true;
    text.remove_prefix(token->length);
  }
  return false;
}

std::string Expand(std::string_view text, const MacroValues& values) {
  std::string out;
  while (!text.empty() && out.size() < kMaxExpansion) {
    const auto token = NextToken(text);
    if (!token.has_value()) break;
    if (token->letter == 0) {
      out += token->plain;
    } else {
      const std::string value = Transformed(ValueOf(token->letter, values), *token);
      const bool escape = token->letter >= 'A' && token->letter <= 'Z';
      out += escape ? UrlEscaped(value) : value;
    }
    text.remove_prefix(token->length);
  }
  return out;
}

std::string ExpandDomain(std::string_view text, const MacroValues& values) {
  const std::string expanded = Expand(text, values);
  std::string_view name = expanded;
  if (name.ends_with('.')) name.remove_suffix(1);
  while (name.size() > 253) {
    const size_t dot = name.find('.');
    if (dot == name.npos) break;
    name.remove_prefix(dot + 1);
  }
  return std::string(name);
}

}  // namespace cleanmail::mail::auth::spf
