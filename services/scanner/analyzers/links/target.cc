#include "services/scanner/analyzers/links/target.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "libs/base/cat.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/mime/normalize.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestLink = 8000;
constexpr size_t kLongestShown = 500;

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return static_cast<unsigned char>(c) <= 0x20; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// One part of an IPv4 address: decimal, 0x hexadecimal, 0 octal (WHATWG URL, "ends in a number");
// -1 for anything else.
int64_t ReadNumber(std::string_view text) {
  int64_t base = 10;
  if (text.size() > 1 && text[0] == '0') {
    base = (text[1] | 0x20) == 'x' ? 16 : 8;
    text.remove_prefix(base == 16 ? 2 : 1);
  }
  if (text.empty()) return base == 16 ? 0 : -1;
  int64_t value = 0;
  for (const char c : text) {
    const int digit = HexDigit(c);
    if (digit < 0 || digit >= base) return -1;
    value = value * base + digit;
    if (value > 0xffffffff) return -1;
  }
  return value;
}

// "192.0.2.1", "3221225985", "0xC0.0.513" and their kin as the first of these.
std::optional<std::string> ReadIpv4(std::string_view host) {
  std::vector<int64_t> parts;
  while (true) {
    const size_t dot = host.find('.');
    const int64_t number = ReadNumber(host.substr(0, dot));
    if (number < 0 || parts.size() == 4) return std::nullopt;
    parts.push_back(number);
    if (dot == host.npos) break;
    host.remove_prefix(dot + 1);
    if (host.empty()) break;  // a final dot
  }
  int64_t address = 0;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i] > 255) return std::nullopt;
    address |= parts[i] << (24 - 8 * i);
  }
  const int64_t most = 0xffffffffll >> (8 * (parts.size() - 1));
  if (parts.back() > most) return std::nullopt;
  address |= parts.back();
  return base::Cat(address >> 24, ".", address >> 16 & 255, ".", address >> 8 & 255, ".",
                   address & 255);
}

bool HasHost(std::string_view scheme) {
  constexpr std::array<std::string_view, 6> kSchemes = {"http", "https", "ftp",
                                                        "ws",   "wss",   "file"};
  return std::ranges::find(kSchemes, scheme) != kSchemes.end();
}

// Fills in what stands between the slashes; false where there is no host to be read.
bool ReadAuthority(std::string_view authority, LinkTarget& target) {
  const size_t at = authority.rfind('@');
  if (at != authority.npos) {
    target.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == authority.npos) return false;
    target.written = target.host = Lower(authority.substr(0, end + 1));
    target.is_address = true;
    authority.remove_prefix(end + 1);
  } else {
    const size_t colon = authority.find(':');
    target.written = authority.substr(0, colon);
    authority = colon == authority.npos ? std::string_view{} : authority.substr(colon);
    const std::string decoded = PercentDecoded(target.written);
    if (const auto address = ReadIpv4(decoded); address.has_value()) {
      target.host = *address;
      target.is_address = true;
    } else {
      const auto domain = mail::address::NormalizeDomain(decoded);
      target.host = domain.ok() ? *domain : Lower(decoded);
    }
  }
  if (authority.size() > 1 && authority.size() <= 6 && authority[0] == ':')
    target.port = std::atoi(std::string(authority.substr(1)).c_str());
  return !target.host.empty();
}

}  // namespace

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    if (!escape) {
      decoded += text[i];
      continue;
    }
    decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
    i += 2;
  }
  return decoded;
}

std::optional<LinkTarget> ReadTarget(std::string_view link) {
  link = Trim(link.substr(0, kLongestLink));
  const size_t colon = link.find(':');
  if (colon == link.npos || colon == 0 || !IsAlpha(link[0])) return std::nullopt;
  LinkTarget target;
  target.scheme = Lower(link.substr(0, colon));
  if (!std::ranges::all_of(target.scheme, [](char c) {
        return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
      }))
    return std::nullopt;
  std::string_view rest = link.substr(colon + 1);
  if (!HasHost(target.scheme)) {
    target.path = rest;
    return target;
  }
  while (!rest.empty() && (rest[0] == '/' || rest[0] == '\\')) rest.remove_prefix(1);
  const size_t end = rest.find_first_of("/\\?#");
  if (!ReadAuthority(rest.substr(0, end), target)) return std::nullopt;
  rest = end == rest.npos ? std::string_view{} : rest.substr(end);
  rest = rest.substr(0, rest.find('#'));
  const size_t query = rest.find('?');
  target.path = rest.substr(0, query);
  if (query != rest.npos) target.query = rest.substr(query + 1);
  return target;
}

std::optional<std::string> ShownHost(std::string_view shown) {
  if (shown.size() > kLongestShown) return std::nullopt;
  const std::string text = mail::mime::Normalize(Trim(shown)).text;
  std::string_view rest = text;
  if (rest.find_first_of(" \t\r\n") != rest.npos) return std::nullopt;
  while (!rest.empty() && (rest.front() == '<' || rest.front() == '(')) rest.remove_prefix(1);
  while (!rest.empty() && std::string_view(">).,;:!").find(rest.back()) != rest.npos)
    rest.remove_suffix(1);
  const bool web = rest.find("://") != rest.npos;
  if (!web && rest.find('@') != rest.npos) return std::nullopt;  // an address of mail
  const auto target = ReadTarget(web ? std::string(rest) : base::Cat("http://", rest));
  if (!target.has_value() || target->is_address || !target->scheme.starts_with("http"))
    return std::nullopt;
  const std::string registrable =
      mail::address::PublicSuffixes::Builtin().RegistrableDomain(target->host);
  if (registrable.empty()) return std::nullopt;
  // "readme.md" and "report.pl" look like domains: without https: or www. only those that more
  // likely are some.
  constexpr std::array<std::string_view, 10> kUsual = {".com", ".org", ".net", ".de", ".ch",
                                                       ".uk",  ".fr",  ".eu",  ".it", ".at"};
  const bool said = web || target->host.starts_with("www.");
  const bool usual = std::ranges::any_of(
      kUsual, [&](std::string_view suffix) { return target->host.ends_with(suffix); });
  if (!said && !usual) return std::nullopt;
  return target->host;
}

}  // namespace cleanmail::scanner
