#include "libs/mail/html/tokens.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::html {
namespace {

constexpr std::array<std::string_view, 14> kVoid = {"area",  "base",   "br",    "col",  "embed",
                                                    "hr",    "img",    "link",  "meta", "input",
                                                    "param", "source", "track", "wbr"};
constexpr std::array<std::string_view, 8> kRaw = {"script",  "style",    "xmp",   "iframe",
                                                  "noembed", "noframes", "title", "textarea"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kReferences = {
    {{"amp", "&"},
     {"lt", "<"},
     {"gt", ">"},
     {"quot", "\""},
     {"apos", "'"},
     {"nbsp", "\xc2\xa0"},
     {"copy", "\xc2\xa9"},
     {"reg", "\xc2\xae"},
     {"shy", "\xc2\xad"},
     {"zwnj", "\xe2\x80\x8c"},
     {"zwj", "\xe2\x80\x8d"},
     {"Tab", "\t"},
     {"NewLine", "\n"},
     {"colon", ":"},
     {"sol", "/"},
     {"period", "."}}};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

void AppendPoint(uint32_t point, std::string& out) {
  if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) point = 0xfffd;
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      out += static_cast<char>(0xe0 | point >> 12);
    } else {
      out += static_cast<char>(0xf0 | point >> 18);
      out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (point & 0x3f));
}

int DigitOf(char c, bool hex) {
  if (c >= '0' && c <= '9') return c - '0';
  if (!hex) return -1;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Reads the reference at the start of `text` ("&..."); returns its length, 0 when it is none.
size_t ReadReference(std::string_view text, std::string& out) {
  if (text.size() > 2 && text[1] == '#') {
    const bool hex = text[2] == 'x' || text[2] == 'X';
    size_t at = hex ? 3 : 2;
    const size_t digits = at;
    uint32_t point = 0;
    for (; at < text.size() && DigitOf(text[at], hex) >= 0; ++at)
      point = std::min<uint32_t>(
          point * (hex ? 16 : 10) + static_cast<uint32_t>(DigitOf(text[at], hex)), 0x110000);
    if (at == digits) return 0;
    AppendPoint(point, out);
    return at < text.size() && text[at] == ';' ? at + 1 : at;
  }
  for (const auto& [name, value] : kReferences) {
    if (!text.substr(1).starts_with(name)) continue;
    const size_t end = name.size() + 1;
    if (end < text.size() && text[end] == ';') {
      out += value;
      return end + 1;
    }
  }
  return 0;
}

// Where `</name` begins in `text`, which ends that element's raw text.
size_t FindEndTag(std::string_view text, std::string_view name) {
  for (size_t at = text.find("</"); at != std::string_view::npos; at = text.find("</", at + 2)) {
    const std::string_view after = text.substr(at + 2);
    if (!absl::StartsWithIgnoreCase(base::AbslView(after), base::AbslView(name))) continue;
    const std::string_view behind = after.substr(name.size());
    if (behind.empty() || IsSpace(behind[0]) || behind[0] == '>' || behind[0] == '/') return at;
  }
  return text.size();
}

}  // namespace

bool IsVoid(std::string_view tag) { return std::ranges::find(kVoid, tag) != kVoid.end(); }

std::string ReadReferences(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t plain = std::min(text.find('&'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t length = ReadReference(text, out);
    if (length == 0) out += '&';
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::optional<Token> Tokens::Next() {
  if (rest_.empty()) return std::nullopt;
  if (!raw_until_.empty()) {
    const size_t end = FindEndTag(rest_, raw_until_);
    const bool references = raw_until_ == "title" || raw_until_ == "textarea";
    raw_until_.clear();
    if (end > 0) {
      Token token{.name = {}, .text = rest_.substr(0, end), .attributes = {}, .raw = !references};
      rest_.remove_prefix(end);
      return token;
    }
  }
  if (rest_.front() == '<') {
    if (std::optional<Token> tag = TagAtFront()) return tag;
  }
  const size_t end = std::min(rest_.find('<', 1), rest_.size());
  Token token{.name = {}, .text = rest_.substr(0, end), .attributes = {}};
  rest_.remove_prefix(end);
  return token;
}

Token Tokens::Comment(size_t begin, std::string_view end) {
  const size_t found = rest_.find(end, begin);
  Token token{.kind = Token::Kind::kComment, .name = {}, .text = {}, .attributes = {}};
  token.text = rest_.substr(std::min(begin, rest_.size()), std::min(found, rest_.size()) - begin);
  rest_.remove_prefix(found == std::string_view::npos ? rest_.size() : found + end.size());
  return token;
}

std::optional<Token> Tokens::TagAtFront() {
  if (rest_.starts_with("<!--")) {
    // `<!-->` and `<!--->` are whole comments.
    if (rest_.substr(4).starts_with(">")) return Comment(4, ">");
    if (rest_.substr(4).starts_with("->")) return Comment(4, "->");
    return Comment(4, "-->");
  }
  if (rest_.starts_with("<!") || rest_.starts_with("<?")) return Comment(2, ">");
  const bool close = rest_.starts_with("</");
  const size_t begin = close ? 2 : 1;
  if (rest_.size() <= begin) return std::nullopt;
  if (!IsLetter(rest_[begin])) return close ? std::optional(Comment(2, ">")) : std::nullopt;
  size_t end = begin;
  while (end < rest_.size() && !IsSpace(rest_[end]) && rest_[end] != '>' && rest_[end] != '/')
    ++end;
  Token token{.kind = close ? Token::Kind::kClose : Token::Kind::kOpen,
              .name = Lower(rest_.substr(begin, end - begin)),
              .text = {},
              .attributes = {}};
  rest_.remove_prefix(end);
  ReadAttributes(token);
  if (!close && std::ranges::find(kRaw, token.name) != kRaw.end()) raw_until_ = token.name;
  return token;
}

void Tokens::ReadAttributes(Token& token) {
  while (!rest_.empty()) {
    while (!rest_.empty() && (IsSpace(rest_.front()) || rest_.front() == '/'))
      rest_.remove_prefix(1);
    if (rest_.empty()) return;
    if (rest_.front() == '>') return rest_.remove_prefix(1);
    size_t end = 1;  // a `=` in front belongs to the name
    while (end < rest_.size() && !IsSpace(rest_[end]) && rest_[end] != '>' && rest_[end] != '/' &&
           rest_[end] != '=')
      ++end;
    std::string name = Lower(rest_.substr(0, end));
    rest_.remove_prefix(end);
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
    std::string_view value;
    if (rest_.starts_with('=')) {
      rest_.remove_prefix(1);
      while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
      if (rest_.starts_with('"') || rest_.starts_with('\'')) {
        const size_t quote = std::min(rest_.find(rest_.front(), 1), rest_.size());
        value = rest_.substr(1, quote - 1);
        rest_.remove_prefix(std::min(quote + 1, rest_.size()));
      } else {
        size_t stop = 0;
        while (stop < rest_.size() && !IsSpace(rest_[stop]) && rest_[stop] != '>') ++stop;
        value = rest_.substr(0, stop);
        rest_.remove_prefix(stop);
      }
    }
    token.attributes.emplace_back(std::move(name), value);
  }
}

}  // namespace cleanmail::mail::html
