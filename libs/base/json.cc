#include "libs/base/json.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::base {
namespace {

// Length of the well-formed UTF-8 sequence `text` begins with, 0 if it begins with none
// (Unicode 15, table 3-7).
size_t SequenceLength(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
      (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f))
    return 0;
  return length;
}

void AppendUtf8(uint32_t code, std::string& to) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    to += static_cast<char>(0xf0 | (code >> 18));
    to += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Json> Whole(int depth) {
    CLEANMAIL_ASSIGN_OR_RETURN(Json value, Value(depth));
    SkipSpace();
    if (at_ != text_.size()) return Wrong("nothing more");
    return value;
  }

 private:
  absl::Status Wrong(std::string_view expected) const {
    return absl::InvalidArgumentError(Cat("not JSON: expected ", expected, " at byte ", at_ + 1));
  }
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  absl::StatusOr<Json> Value(int depth) {
    SkipSpace();
    if (depth == 0) return absl::InvalidArgumentError("not taken: JSON nested too deep");
    if (at_ >= text_.size()) return Wrong("a value");
    switch (text_[at_]) {
      case '{':
        return ObjectValue(depth);
      case '[':
        return ArrayValue(depth);
      case '"': {
        CLEANMAIL_ASSIGN_OR_RETURN(const std::string text, StringValue());
        return Json::String(text);
      }
      default:
        if (TakeWord("true")) return Json::Bool(true);
        if (TakeWord("false")) return Json::Bool(false);
        if (TakeWord("null")) return Json();
        return NumberValue();
    }
  }

  absl::StatusOr<Json> ObjectValue(int depth) {
    ++at_;
    Json object = Json::Object();
    std::set<std::string, std::less<>> seen;
    if (Take('}')) return object;
    do {
      SkipSpace();
      if (at_ >= text_.size() || text_[at_] != '"') return Wrong("a member's name");
      CLEANMAIL_ASSIGN_OR_RETURN(std::string name, StringValue());
      if (!seen.insert(name).second)
        return absl::InvalidArgumentError(Cat("not taken: the member \"", name, "\" stands twice"));
      if (!Take(':')) return Wrong("':'");
      CLEANMAIL_ASSIGN_OR_RETURN(Json value, Value(depth - 1));
      object.members.emplace_back(std::move(name), std::move(value));
    } while (Take(','));
    if (!Take('}')) return Wrong("',' or '}'");
    return object;
  }

  absl::StatusOr<Json> ArrayValue(int depth) {
    ++at_;
    Json array = Json::Array();
    if (Take(']')) return array;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(Json value, Value(depth - 1));
      array.items.push_back(std::move(value));
    } while (Take(','));
    if (!Take(']')) return Wrong("',' or ']'");
    return array;
  }

  absl::StatusOr<Json> NumberValue() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - from;
    };
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    const size_t integer = at_;
    const size_t count = digits();
    if (count == 0) return Wrong("a value");
    if (count > 1 && text_[integer] == '0') return Wrong("no digit behind a leading 0");
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (digits() == 0) return Wrong("a digit");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (digits() == 0) return Wrong("a digit");
    }
    return Json{.type = Json::Type::kNumber, .text = std::string(text_.substr(begin, at_ - begin))};
  }

  // At the opening quote.
  absl::StatusOr<std::string> StringValue() {
    ++at_;
    std::string text;
    while (true) {
      if (at_ >= text_.size()) return Wrong("the end of the string");
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return text;
      }
      if (static_cast<unsigned char>(c) < 0x20) return Wrong("no control character in a string");
      if (c == '\\') {
        CLEANMAIL_RETURN_IF_ERROR(Escape(text));
        continue;
      }
      const size_t length = SequenceLength(text_.substr(at_));
      if (length == 0) return Wrong("UTF-8");
      text.append(text_.substr(at_, length));
      at_ += length;
    }
  }

  // At a backslash.
  absl::Status Escape(std::string& text) {
    ++at_;
    if (at_ >= text_.size()) return Wrong("an escape");
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_];
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      text += kTo[i];
      ++at_;
      return absl::OkStatus();
    }
    if (c != 'u') return Wrong("an escape");
    CLEANMAIL_ASSIGN_OR_RETURN(uint32_t code, FourDigits());
    if (code >= 0xdc00 && code <= 0xdfff) return Wrong("a whole surrogate pair");
    if (code >= 0xd800 && code <= 0xdbff) {
      if (!TakeWord("\\")) return Wrong("a whole surrogate pair");
      if (at_ >= text_.size() || text_[at_] != 'u') return Wrong("a whole surrogate pair");
      CLEANMAIL_ASSIGN_OR_RETURN(const uint32_t low, FourDigits());
      if (low < 0xdc00 || low > 0xdfff) return Wrong("a whole surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    AppendUtf8(code, text);
    return absl::OkStatus();
  }

  // At the u of an escape.
  absl::StatusOr<uint32_t> FourDigits() {
    ++at_;
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= text_.size()) return Wrong("four hex digits");
      const char c = text_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Wrong("four hex digits");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

void PrintString(std::string_view text, std::string& to) {
  constexpr char kDigits[] = "0123456789abcdef";
  to += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else if (byte < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&') {
      to += "\\u00";  // < > & too: the text may stand in a page
      to += kDigits[byte >> 4];
      to += kDigits[byte & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}

void PrintTo(const Json& json, bool pretty, int level, std::string& to) {
  const auto line = [&](int indent) {
    if (pretty) to += Cat("\n", std::string(static_cast<size_t>(indent) * 2, ' '));
  };
  switch (json.type) {
    case Json::Type::kNull:
      to += "null";
      return;
    case Json::Type::kBool:
      to += json.boolean ? "true" : "false";
      return;
    case Json::Type::kNumber:
      to += json.text;
      return;
    case Json::Type::kString:
      PrintString(json.text, to);
      return;
    case Json::Type::kArray:
      to += '[';
      for (size_t i = 0; i < json.items.size(); ++i) {
        if (i > 0) to += ',';
        line(level + 1);
        PrintTo(json.items[i], pretty, level + 1, to);
      }
      if (!json.items.empty()) line(level);
      to += ']';
      return;
    case Json::Type::kObject:
      to += '{';
      for (size_t i = 0; i < json.members.size(); ++i) {
        if (i > 0) to += ',';
        line(level + 1);
        PrintString(json.members[i].first, to);
        to += pretty ? ": " : ":";
        PrintTo(json.members[i].second, pretty, level + 1, to);
      }
      if (!json.members.empty()) line(level);
      to += '}';
      return;
  }
}

}  // namespace

Json Json::Bool(bool value) { return {.type = Type::kBool, .boolean = value}; }
Json Json::Number(int64_t value) { return {.type = Type::kNumber, .text = std::to_string(value)}; }
Json Json::String(std::string_view value) {
  return {.type = Type::kString, .text = std::string(value)};
}
Json Json::Array(std::vector<Json> items) {
  return {.type = Type::kArray, .items = std::move(items)};
}
Json Json::Object(std::vector<std::pair<std::string, Json>> members) {
  return {.type = Type::kObject, .members = std::move(members)};
}

const Json* Json::Find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view Json::TextOf(std::string_view name) const {
  const Json* const member = Find(name);
  return member != nullptr && member->type == Type::kString ? std::string_view(member->text) : "";
}

Json& Json::operator[](std::string_view name) {
  type = Type::kObject;
  for (auto& [key, value] : members) {
    if (key == name) return value;
  }
  return members.emplace_back(name, Json()).second;
}

std::string Json::Print(bool pretty) const {
  std::string text;
  PrintTo(*this, pretty, 0, text);
  return text;
}

absl::StatusOr<Json> ParseJson(std::string_view text, int depth) {
  return Parser(text).Whole(depth);
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace cleanmail::base
