#include "services/scanner/analyzers/spam/reading/html_tokens.h"

#include <algorithm>
#include <cstdint>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/html_entities.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kMostAttributes = 200;

void AppendUtf8(uint32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

bool IsCharacter(uint32_t point) {
  return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) && (point & 0xfffe) != 0xfffe;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = LowerOf(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

const uint32_t* FindEntity(std::string_view name) {
  const auto found = std::lower_bound(
      kEntities.begin(), kEntities.end(), name,
      [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return found != kEntities.end() && found->first == name ? &found->second : nullptr;
}

// A reference behind an ampersand: its point and length without the semicolon; length 0: none.
struct Reference {
  uint32_t point = 0;
  size_t length = 0;
};

Reference NumericReference(std::string_view text) {
  Reference reference;
  size_t at = 1;
  const bool hex = at < text.size() && LowerOf(text[at]) == 'x';
  if (hex) ++at;
  const size_t digits = at;
  uint32_t point = 0;
  for (; at < text.size(); ++at) {
    const int digit = hex ? HexDigit(text[at]) : IsDigit(text[at]) ? text[at] - '0' : -1;
    if (digit < 0) break;
    if (point < 0x200000) point = point * (hex ? 16 : 10) + static_cast<uint32_t>(digit);
  }
  if (at == digits || !IsCharacter(point)) return reference;
  return {point, at};
}

Reference NamedReference(std::string_view text, bool in_text) {
  size_t end = 0;
  while (end < text.size() && (IsLetter(text[end]) || IsDigit(text[end]))) ++end;
  const bool closed = end < text.size() && text[end] == ';';
  const uint32_t* point = FindEntity(text.substr(0, end));
  if (point != nullptr && (closed || *point <= 0xff)) return {*point, end};
  if (!in_text) return {};
  for (size_t shorter = std::min<size_t>(end, 9); shorter > 1; --shorter) {
    const uint32_t* prefix = FindEntity(text.substr(0, shorter - 1));
    if (prefix != nullptr && *prefix <= 0xff) return {*prefix, shorter - 1};
  }
  return {};
}

bool IsSpaceOrGt(char c) { return IsBlank(c) || c == '>'; }

// Elements whose content is text up to their own end tag; `entities`: with references read.
struct LiteralElement {
  std::string_view tag;
  bool entities;
};
constexpr LiteralElement kLiteral[] = {{"script", false}, {"style", false},     {"xmp", false},
                                       {"iframe", false}, {"plaintext", false}, {"title", true},
                                       {"textarea", true}};

class Reader {
 public:
  Reader(std::string_view html, TokenListener& listener, bool& saw_wide)
      : html_(html), listener_(listener), saw_wide_(saw_wide) {}

  void Run() {
    size_t text = 0;
    while (at_ < html_.size()) {
      at_ = html_.find('<', at_);
      if (at_ == std::string_view::npos) break;
      const size_t begin = at_;
      pending_text_ = html_.substr(text, begin - text);
      const size_t end = Markup(begin);
      if (end == begin) {  // no markup: a character like others
        ++at_;
        continue;
      }
      at_ = end;
      text = end;
    }
    Text(html_.substr(text), true);
  }

 private:
  void Text(std::string_view text, bool entities) {
    if (text.empty()) return;
    if (entities && text.find('&') != std::string_view::npos) {
      listener_.OnText(ReadEntities(text, true, saw_wide_));
    } else {
      listener_.OnText(text);
    }
  }
  void FlushText() {
    Text(pending_text_, true);
    pending_text_ = {};
  }

  // Reads what begins with the `<` at `begin`: where it ends, or `begin` if it is no markup.
  size_t Markup(size_t begin) {
    if (begin + 1 >= html_.size()) return begin;
    const char next = html_[begin + 1];
    if (IsLetter(next)) return StartTag(begin);
    if (next == '/') return EndTag(begin);
    if (next == '!') return Bang(begin);
    if (next == '?') {
      const size_t end = html_.find('>', begin);
      if (end == std::string_view::npos) return begin;
      FlushText();
      return end + 1;
    }
    return begin;
  }

  size_t StartTag(size_t begin) {
    size_t at = begin + 1;
    while (at < html_.size() && !IsSpaceOrGt(html_[at])) ++at;
    const std::string tag = Lower(html_.substr(begin + 1, at - begin - 1));
    attributes_.list.clear();
    while (true) {
      at = SkipBlanks(at);
      if (at >= html_.size()) return begin;
      if (html_[at] == '>') break;
      at = Attribute(at);
      if (at == std::string_view::npos) return begin;
    }
    FlushText();
    listener_.OnStart(tag, attributes_);
    return Literal(tag, at + 1);
  }

  size_t SkipBlanks(size_t at) const {
    while (at < html_.size() && IsBlank(html_[at])) ++at;
    return at;
  }

  size_t Attribute(size_t at) {
    const size_t name_begin = at++;
    while (at < html_.size() && !IsSpaceOrGt(html_[at]) && html_[at] != '=') ++at;
    std::string name = Lower(html_.substr(name_begin, at - name_begin));
    at = SkipBlanks(at);
    std::string_view value = html_.substr(name_begin, name.size());
    if (at < html_.size() && html_[at] == '=') {
      at = SkipBlanks(at + 1);
      if (at >= html_.size()) return std::string_view::npos;
      const char quote = html_[at];
      if (quote == '"' || quote == '\'') {
        const size_t end = html_.find(quote, at + 1);
        if (end == std::string_view::npos) return end;
        value = html_.substr(at + 1, end - at - 1);
        at = end + 1;
      } else {
        const size_t value_begin = at;
        while (at < html_.size() && !IsSpaceOrGt(html_[at])) ++at;
        value = html_.substr(value_begin, at - value_begin);
      }
    }
    bool wide_value = false;  // says nothing of the text
    if (attributes_.list.size() < kMostAttributes && attributes_.Find(name) == nullptr)
      attributes_.list.emplace_back(std::move(name), ReadEntities(value, false, wide_value));
    return at;
  }

  size_t EndTag(size_t begin) {
    size_t at = begin + 2;
    if (at >= html_.size()) return begin;
    const bool named = IsLetter(html_[at]);
    const size_t name_begin = at;
    while (named && at < html_.size() && !IsSpaceOrGt(html_[at])) ++at;
    const std::string tag = Lower(html_.substr(name_begin, at - name_begin));
    const size_t end = html_.find('>', at);
    if (end == std::string_view::npos) return begin;
    FlushText();
    if (named) {
      listener_.OnEnd(tag);
    } else {
      listener_.OnComment(html_.substr(begin, end + 1 - begin));
    }
    return end + 1;
  }

  size_t Comment(size_t begin) {
    for (size_t at = html_.find("--", begin + 4); at != std::string_view::npos;
         at = html_.find("--", at + 1)) {
      const size_t end = SkipBlanks(at + 2);
      if (end >= html_.size() || html_[end] != '>') continue;
      FlushText();
      listener_.OnComment(html_.substr(begin, end + 1 - begin));
      return end + 1;
    }
    FlushText();
    listener_.OnComment(html_.substr(begin));
    return html_.size();
  }

  size_t Bang(size_t begin) {
    if (html_.substr(begin, 4) == "<!--") return Comment(begin);
    if (html_.substr(begin, 9) == "<![CDATA[") {
      FlushText();
      const size_t end = html_.find("]]>", begin);
      Text(html_.substr(begin + 9, end == std::string_view::npos ? end : end - begin - 9), false);
      return end == std::string_view::npos ? html_.size() : end + 3;
    }
    const size_t end = html_.find('>', begin);
    if (end == std::string_view::npos) return begin;
    FlushText();
    const std::string_view whole = html_.substr(begin, end + 1 - begin);
    // Conditional sections ("<![if !mso]>") say nothing by themselves.
    if (whole.size() > 2 && IsLetter(whole[2])) {
      listener_.OnDeclaration(whole);
    } else if (whole.size() > 2 && whole[2] != '[') {
      listener_.OnComment(whole);
    }
    return end + 1;
  }

  // The content of a literal element that began before `at`: where its end tag begins.
  size_t Literal(const std::string& tag, size_t at) {
    const auto* literal = std::find_if(std::begin(kLiteral), std::end(kLiteral),
                                       [&](const LiteralElement& one) { return one.tag == tag; });
    if (literal == std::end(kLiteral)) return at;
    const std::string close = "</" + tag;
    for (size_t end = FindLetters(html_, close, at); end != std::string_view::npos;
         end = FindLetters(html_, close, end + 1)) {
      const size_t behind = SkipBlanks(end + close.size());
      if (behind >= html_.size() || html_[behind] != '>') continue;
      Text(html_.substr(at, end - at), literal->entities);
      return end;
    }
    if (tag == "plaintext" || tag == "xmp") {
      Text(html_.substr(at), false);
      return html_.size();
    }
    return at;
  }

  std::string_view html_;
  TokenListener& listener_;
  bool& saw_wide_;
  size_t at_ = 0;
  std::string_view pending_text_;
  Attributes attributes_;  // of the tag that is read
};

}  // namespace

const std::string* Attributes::Find(std::string_view name) const {
  for (const auto& [key, value] : list) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string ReadEntities(std::string_view text, bool in_text, bool& saw_wide) {
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  while (at < text.size()) {
    const size_t ampersand = text.find('&', at);
    out += text.substr(at, ampersand == std::string_view::npos ? ampersand : ampersand - at);
    if (ampersand == std::string_view::npos) break;
    const std::string_view rest = text.substr(ampersand + 1);
    const Reference reference =
        rest.starts_with('#') ? NumericReference(rest) : NamedReference(rest, in_text);
    at = ampersand + 1;
    if (reference.length == 0) {
      out += '&';
      continue;
    }
    AppendUtf8(reference.point, out);
    saw_wide = saw_wide || reference.point > 0xff;
    at += reference.length;
    if (at < text.size() && text[at] == ';') ++at;
  }
  return out;
}

void ReadTokens(std::string_view html, TokenListener& listener, bool& saw_wide) {
  Reader(html, listener, saw_wide).Run();
}

}  // namespace cleanmail::scanner::spam
