#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/uris.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kMostForms = 64;

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = LowerOf(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsEscape(std::string_view text, size_t at) {
  return text[at] == '%' && at + 2 < text.size() && HexDigit(text[at + 1]) >= 0 &&
         HexDigit(text[at + 2]) >= 0;
}

// `&#104;`, `&#x68;` of printable characters, and full stops of other scripts.
std::string ReadReferences(std::string_view uri) {
  std::string out;
  for (size_t i = 0; i < uri.size(); ++i) {
    const size_t semicolon = uri.substr(i, 2) == "&#" ? uri.find(';', i) : std::string_view::npos;
    if (semicolon == std::string_view::npos || semicolon - i > 12) {
      out += uri[i];
      continue;
    }
    const std::string name(uri.substr(i + 2, semicolon - i - 2));
    const bool hex = !name.empty() && LowerOf(name[0]) == 'x';
    char* end = nullptr;
    const long point = std::strtol(name.c_str() + (hex ? 1 : 0), &end, hex ? 16 : 10);
    const bool whole = end != nullptr && *end == '\0' && name.size() > (hex ? 1U : 0U);
    const bool stop = point == 0x2e || point == 0x3002 || point == 0xff0e || point == 0xff61;
    if (!whole || (!stop && (point < 33 || point > 126))) {
      out += uri[i];
      continue;
    }
    out += stop ? '.' : static_cast<char>(point);
    i = semicolon;
  }
  return out;
}

std::string Dotted(uint32_t address) {
  return base::Cat(address >> 24, ".", address >> 16 & 0xff, ".", address >> 8 & 0xff, ".",
                   address & 0xff);
}

bool IsHexNumber(std::string_view text) {
  return text.size() > 2 && text[0] == '0' && LowerOf(text[1]) == 'x' &&
         std::all_of(text.begin() + 2, text.end(), [](char c) { return HexDigit(c) >= 0; });
}

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// One octet of an address written in decimal, octal or hex.
std::string PlainOctet(std::string_view text) {
  const std::string octet(text);
  if (IsHexNumber(text)) return std::to_string(std::strtoull(octet.c_str() + 2, nullptr, 16));
  const bool octal = octet.size() > 1 && octet[0] == '0' && octet.size() <= 4 &&
                     octet.find_first_of("89") == std::string::npos;
  if (octal && std::strtoul(octet.c_str(), nullptr, 8) > 0)
    return std::to_string(std::strtoul(octet.c_str(), nullptr, 8));
  const size_t digit = octet.find_first_not_of('0');
  return digit == std::string::npos ? "" : octet.substr(digit);
}

// The parts of an http address.
struct HttpParts {
  std::string scheme;  // "http://"
  std::string user;    // with its @
  std::string host;
  std::string rest;  // port, path …
  std::string port;
};

bool SplitHttp(const std::string& uri, HttpParts& parts) {
  const size_t scheme = BeginsWith(uri, "http://") ? 7 : BeginsWith(uri, "https://") ? 8 : 0;
  if (scheme == 0) return false;
  const size_t end = std::min(uri.find_first_of("/?#", scheme), uri.size());
  size_t host = scheme;
  if (const size_t at = uri.find('@', scheme); at < end) host = at + 1;
  const size_t host_end = std::min(uri.find_first_of("/?#:", host), uri.size());
  if (host_end == host) return false;
  parts.scheme = uri.substr(0, scheme);
  parts.user = uri.substr(scheme, host - scheme);
  parts.host = uri.substr(host, host_end - host);
  parts.rest = uri.substr(host_end);
  if (parts.rest.starts_with(':')) {
    size_t digits = 1;
    while (digits < parts.rest.size() && IsDigit(parts.rest[digits])) ++digits;
    parts.port = parts.rest.substr(1, digits - 1);
  }
  return true;
}

class Canonicalizer {
 public:
  Canonicalizer(const Domains& domains, const std::vector<regex::Regex>& redirectors)
      : domains_(domains), redirectors_(redirectors) {}

  std::set<std::string> Run(std::string_view uri) {
    std::vector<std::string> waiting = {std::string(uri)};
    for (size_t i = 0; i < waiting.size() && forms_.size() < kMostForms; ++i) {
      std::string one;
      for (const char c : waiting[i]) {
        if (c != '\n' && c != '\r') one += c;
      }
      one = std::string(Trim(one));
      forms_.insert(one);
      const bool relative = one.starts_with('#') || one.starts_with('?') || one.starts_with('&') ||
                            (one.starts_with('/') && !one.starts_with("//"));
      if (one.size() <= 1 || relative) continue;
      const size_t colon = one.find(':');
      const size_t at = one.find('@');
      if (BeginsWith(one, "mailto:") || (at != std::string::npos && at < colon)) {
        AddMail(one);
      } else {
        AddWeb(one, waiting);
      }
    }
    return std::move(forms_);
  }

 private:
  void AddMail(const std::string& uri) {
    const size_t at = uri.find('@');
    if (at == std::string::npos || at == 0) return;
    if (const size_t query = uri.find('?', at); query != std::string::npos && query > at + 1)
      forms_.insert(uri.substr(0, query));
    if (const size_t amp = uri.find('&', at);
        amp != std::string::npos && amp > at + 1 && uri.find('?', at) > amp)
      forms_.insert(uri.substr(0, amp));
    if (uri.find("%20") != std::string::npos) {
      std::string_view rest = uri;
      if (BeginsWith(rest, "mailto:")) rest.remove_prefix(7);
      while (rest.starts_with("%20")) rest.remove_prefix(3);
      const size_t end = rest.find_first_of("?&%", rest.find('@'));
      if (rest.find('@') != std::string_view::npos)
        forms_.insert(base::Cat("mailto:", rest.substr(0, end)));
    }
    if (const size_t open = uri.find('<'); open < at && uri.find_first_of("?&") > open) {
      const size_t close = uri.find('>', at);
      if (close != std::string::npos)
        forms_.insert(base::Cat("mailto:", uri.substr(open + 1, close - open - 1)));
    }
  }

  std::string Normalized(const std::string& given) {
    std::string uri = given;
    std::replace(uri.begin(), uri.end(), '\\', '/');
    const size_t scheme = BeginsWith(uri, "http:") ? 5 : BeginsWith(uri, "https:") ? 6 : 0;
    if (scheme > 0) {
      size_t behind = scheme;
      while (behind < uri.size() && behind < scheme + 2 && uri[behind] == '/') ++behind;
      uri = base::Cat(uri.substr(0, scheme), "//", uri.substr(behind));
    }
    for (size_t i = 0; i < uri.size(); ++i) {
      if (!IsEscape(uri, i)) continue;
      uri = NormalizeEscapes(uri);
      break;
    }
    size_t name = 0;
    while (name < uri.size() && (IsWord(uri[name]) || uri[name] == '-')) ++name;
    if (name == 0 || name >= uri.size() || uri[name] != ':')
      uri = base::Cat(uri.starts_with("ftp.") ? "ftp://" : "http://", uri);
    if (scheme > 0) {
      const size_t mark = uri.find_first_of("/?#", scheme + 2);
      if (mark != std::string::npos && mark > scheme + 2 && uri[mark] != '/') uri.insert(mark, "/");
    }
    return ReadReferences(uri);
  }

  void AddWeb(const std::string& given, std::vector<std::string>& waiting) {
    const std::string uri = Normalized(given);
    forms_.insert(uri);
    HttpParts parts;
    if (!SplitHttp(uri, parts)) return;
    const bool plain_http = SameLetters(parts.scheme, "http://");
    const std::string own_port = plain_http ? "80" : "443";
    if (parts.port == own_port)
      forms_.insert(base::Cat(parts.scheme, parts.host, parts.rest.substr(1 + own_port.size())));
    std::string host = parts.host;
    std::erase_if(host, [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    if (host != parts.host) AddForm(parts, host);
    AddRedirections(base::Cat(parts.scheme, host, parts.rest), parts.rest, waiting);
    size_t end = host.size();
    while (end > 0 && !IsDigit(host[end - 1]) && !IsLetter(host[end - 1])) --end;
    if (end < host.size()) {
      host.resize(end);
      AddForm(parts, host);
    }
    AddPlainAddress(parts, host, plain_http);
  }

  void AddForm(const HttpParts& parts, std::string_view host) {
    forms_.insert(base::Cat(parts.scheme, host, parts.rest));
  }

  void AddRedirections(const std::string& uri, std::string_view rest,
                       std::vector<std::string>& waiting) {
    for (const regex::Regex& redirector : redirectors_) {
      regex::Match match;
      if (redirector.Find(uri, 0, &match) != regex::Outcome::kMatch) continue;
      const std::string_view target = match.Text(uri, 1);
      if (target.find('.') == std::string_view::npos) continue;
      waiting.emplace_back(target);
      return;
    }
    for (size_t at = FindLetters(rest, "http"); at != std::string_view::npos;
         at = FindLetters(rest, "http", at + 1)) {
      size_t colon = at + 4;
      if (colon < rest.size() && LowerOf(rest[colon]) == 's') ++colon;
      if (colon >= rest.size() || rest[colon] != ':') continue;
      const std::string_view target = rest.substr(at, rest.find_first_of("&#", at) - at);
      if (target.size() > colon + 1 - at && target.find('.') != std::string_view::npos)
        waiting.emplace_back(target);
      return;
    }
  }

  // Addresses written as numbers, and bare names that browsers complete.
  void AddPlainAddress(const HttpParts& parts, const std::string& host, bool plain_http) {
    const std::vector<std::string_view> chunks = Pieces(host, '.');
    const bool octets =
        chunks.size() == 4 && std::all_of(chunks.begin(), chunks.end(), [](std::string_view chunk) {
          return AllDigits(chunk) || IsHexNumber(chunk);
        });
    if (octets) {
      AddForm(parts, base::Cat(PlainOctet(chunks[0]), ".", PlainOctet(chunks[1]), ".",
                               PlainOctet(chunks[2]), ".", PlainOctet(chunks[3])));
    } else if (IsHexNumber(host)) {
      const std::string last = host.size() > 10 ? host.substr(host.size() - 8) : host.substr(2);
      AddForm(parts, Dotted(static_cast<uint32_t>(std::strtoull(last.c_str(), nullptr, 16))));
    } else if (AllDigits(host)) {
      AddForm(parts, Dotted(static_cast<uint32_t>(std::strtoull(host.c_str(), nullptr, 10))));
    } else if (plain_http && parts.user.empty() && !SameLetters(host, "localhost") &&
               (parts.port.empty() || parts.port == "80")) {
      const std::string lower = Lower(host);
      const std::string bare = lower.starts_with("www.") ? lower.substr(4) : lower;
      if (bare.find('.') == std::string::npos && !bare.empty() && !domains_.IsValid(lower))
        AddForm(parts, base::Cat("www.", bare, ".com"));
    }
  }

  const Domains& domains_;
  const std::vector<regex::Regex>& redirectors_;
  std::set<std::string> forms_;
};

}  // namespace

std::string NormalizeEscapes(std::string_view uri) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < uri.size(); ++i) {
    if (IsEscape(uri, i)) {
      const int value = HexDigit(uri[i + 1]) * 16 + HexDigit(uri[i + 2]);
      if (value > 0x20 && value < 0x7f) {
        out += static_cast<char>(value);
      } else {
        out += uri.substr(i, 3);
      }
      i += 2;
      continue;
    }
    const auto byte = static_cast<unsigned char>(uri[i]);
    if (byte <= ' ' || byte >= 0x7f ||
        std::string_view("\"%<>").find(uri[i]) != std::string_view::npos) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += uri[i];
    }
  }
  return out;
}

std::set<std::string> CanonicalForms(std::string_view uri, const Domains& domains,
                                     const std::vector<regex::Regex>& redirectors) {
  return Canonicalizer(domains, redirectors).Run(uri);
}

}  // namespace cleanmail::scanner::spam
