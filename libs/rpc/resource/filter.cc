#include "libs/rpc/resource/filter.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"

namespace cleanmail::rpc::resource {
namespace {

enum class TokenKind { kEnd, kOpen, kClose, kOp, kMinus, kWord, kQuoted };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text = {};
  FilterOp op = FilterOp::kEqual;
  size_t at = 0;  // from 0
};

absl::Status Wrong(size_t at, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat("filter: position ", at + 1, ": ", why));
}

bool EndsWord(char c) {
  return c == ' ' || c == '\t' || c == '(' || c == ')' || c == '"' || c == '\'' || c == '=' ||
         c == '!' || c == '<' || c == '>' || c == ':';
}

// Cuts the text into tokens, one at a time.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // `is_value`: colons belong to the word, so that times need no quotes.
  absl::StatusOr<Token> Next(bool is_value) {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    Token token{.at = at_};
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (c == '(' || c == ')') {
      token.kind = c == '(' ? TokenKind::kOpen : TokenKind::kClose;
      ++at_;
      return token;
    }
    if (c == '"' || c == '\'') return Quoted(c);
    if (Operator(token)) return token;
    if (EndsWord(c)) return Wrong(at_, "a word, a field or a parenthesis was expected");
    if (c == '-' && !is_value) {
      token.kind = TokenKind::kMinus;
      ++at_;
      return token;
    }
    token.kind = TokenKind::kWord;
    while (at_ < text_.size() && (!EndsWord(text_[at_]) || (is_value && text_[at_] == ':')))
      token.text += text_[at_++];
    return token;
  }
  size_t at() const { return at_; }
  void Return(const Token& token) { at_ = token.at; }

 private:
  absl::StatusOr<Token> Quoted(char quote) {
    Token token{.kind = TokenKind::kQuoted, .at = at_};
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return token;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      token.text += text_[at_];
    }
    return Wrong(token.at, "this quote is never closed");
  }

  bool Operator(Token& token) {
    static constexpr std::pair<std::string_view, FilterOp> kOps[] = {
        {"!=", FilterOp::kNotEqual}, {"<=", FilterOp::kLessEqual}, {">=", FilterOp::kGreaterEqual},
        {"<", FilterOp::kLess},      {">", FilterOp::kGreater},    {"=", FilterOp::kEqual},
        {":", FilterOp::kContains}};
    for (const auto& [text, op] : kOps) {
      if (!text_.substr(at_).starts_with(text)) continue;
      token.kind = TokenKind::kOp;
      token.op = op;
      at_ += text.size();
      return true;
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Text of a time: a day, or RFC 3339.
bool ParseTime(const std::string& text, int64_t* micros) {
  absl::Time time;
  if (!absl::ParseTime("%Y-%m-%d", text, &time, nullptr) &&
      !absl::ParseTime(absl::RFC3339_full, text, &time, nullptr))
    return false;
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return false;
  *micros = absl::ToUnixMicros(time);
  return true;
}

absl::Status SetValue(const FilterField& field, const Token& token, Filter& term) {
  const bool is_contains = term.op == FilterOp::kContains;
  const bool is_equality = term.op == FilterOp::kEqual || term.op == FilterOp::kNotEqual;
  switch (field.type) {
    case FieldType::kText:
      if (!is_equality && !is_contains) return Wrong(token.at, "text takes only = != and :");
      term.value = token.text;
      return absl::OkStatus();
    case FieldType::kWord: {
      if (is_contains) term.op = FilterOp::kEqual;
      if (!is_equality && !is_contains) return Wrong(token.at, "this field takes only = and !=");
      const auto known = field.words.find(token.text);
      if (known != field.words.end()) {
        term.value = known->second;
        return absl::OkStatus();
      }
      std::string allowed;
      for (const auto& [word, value] : field.words)
        allowed += base::Cat(allowed.empty() ? "" : ", ", word);
      return Wrong(token.at, base::Cat("it may be one of ", allowed));
    }
    case FieldType::kInteger: {
      int64_t number = 0;
      if (is_contains) return Wrong(token.at, "a number takes = != < <= > >=");
      if (!absl::SimpleAtoi(token.text, &number))
        return Wrong(token.at, "a whole number was expected");
      term.value = number;
      return absl::OkStatus();
    }
    case FieldType::kNumber: {
      double number = 0;
      if (is_contains) return Wrong(token.at, "a number takes = != < <= > >=");
      if (!absl::SimpleAtod(token.text, &number) || !std::isfinite(number))
        return Wrong(token.at, "a number was expected");
      term.value = number;
      return absl::OkStatus();
    }
    case FieldType::kTime: {
      int64_t micros = 0;
      if (is_contains) return Wrong(token.at, "a time takes = != < <= > >=");
      if (!ParseTime(token.text, &micros))
        return Wrong(token.at, "a time was expected: 2026-11-22 or 2026-11-22T08:30:00Z");
      term.value = micros;
      return absl::OkStatus();
    }
  }
  return absl::InternalError("a field of no type");
}

Filter Joined(Filter::Kind kind, std::vector<Filter> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return {.kind = kind, .below = std::move(parts)};
}

// Recursive descent; its depth is bounded by kDeepestFilter.
class Parser {
 public:
  Parser(std::string_view text, const FilterSchema& schema) : lexer_(text), schema_(schema) {}

  absl::StatusOr<Filter> Parse() {
    CLEANMAIL_RETURN_IF_ERROR(Advance());
    if (token_.kind == TokenKind::kEnd) return Filter{};
    CLEANMAIL_ASSIGN_OR_RETURN(Filter filter, And(0));
    if (token_.kind != TokenKind::kEnd) return Wrong(token_.at, "this closes nothing");
    return filter;
  }

 private:
  absl::Status Advance() {
    CLEANMAIL_ASSIGN_OR_RETURN(token_, lexer_.Next(false));
    return absl::OkStatus();
  }
  bool Is(std::string_view keyword) const {
    return token_.kind == TokenKind::kWord && token_.text == keyword;
  }

  absl::StatusOr<Filter> And(int depth) {
    std::vector<Filter> parts;
    while (true) {
      CLEANMAIL_ASSIGN_OR_RETURN(Filter part, Or(depth));
      parts.push_back(std::move(part));
      if (Is("AND")) {
        CLEANMAIL_RETURN_IF_ERROR(Advance());
        continue;
      }
      if (token_.kind == TokenKind::kEnd || token_.kind == TokenKind::kClose)
        return Joined(Filter::Kind::kAnd, std::move(parts));
    }
  }

  absl::StatusOr<Filter> Or(int depth) {
    std::vector<Filter> parts;
    while (true) {
      CLEANMAIL_ASSIGN_OR_RETURN(Filter part, Not(depth));
      parts.push_back(std::move(part));
      if (!Is("OR")) return Joined(Filter::Kind::kOr, std::move(parts));
      CLEANMAIL_RETURN_IF_ERROR(Advance());
    }
  }

  absl::StatusOr<Filter> Not(int depth) {
    if (depth >= kDeepestFilter)
      return Wrong(token_.at, base::Cat("nested deeper than ", kDeepestFilter));
    if (Is("NOT") || token_.kind == TokenKind::kMinus) {
      CLEANMAIL_RETURN_IF_ERROR(Advance());
      CLEANMAIL_ASSIGN_OR_RETURN(Filter part, Not(depth + 1));
      return Filter{.kind = Filter::Kind::kNot, .below = {std::move(part)}};
    }
    if (token_.kind == TokenKind::kOpen) {
      CLEANMAIL_RETURN_IF_ERROR(Advance());
      CLEANMAIL_ASSIGN_OR_RETURN(Filter inner, And(depth + 1));
      if (token_.kind != TokenKind::kClose)
        return Wrong(token_.at, "a parenthesis is never closed");
      CLEANMAIL_RETURN_IF_ERROR(Advance());
      return inner;
    }
    return Term();
  }

  absl::StatusOr<Filter> Term() {
    if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kQuoted)
      return Wrong(token_.at, "a word, a field or a parenthesis was expected");
    if (Is("AND") || Is("OR")) return Wrong(token_.at, "a term is missing here");
    if (++terms_ > kMostFilterTerms)
      return Wrong(token_.at, base::Cat("more than ", kMostFilterTerms, " terms"));
    const Token first = token_;
    CLEANMAIL_RETURN_IF_ERROR(Advance());
    Filter term{.kind = Filter::Kind::kTerm};
    if (token_.kind != TokenKind::kOp) {
      if (schema_.bare.empty()) return Wrong(first.at, "an operator is missing: field = value");
      term.field = schema_.bare;
      term.op = FilterOp::kContains;
      term.value = first.text;
      return term;
    }
    const auto field = schema_.fields.find(first.text);
    if (first.kind == TokenKind::kQuoted || field == schema_.fields.end()) return Unknown(first);
    term.field = field->first;
    term.op = token_.op;
    CLEANMAIL_ASSIGN_OR_RETURN(const Token value, lexer_.Next(true));
    if (value.kind != TokenKind::kWord && value.kind != TokenKind::kQuoted)
      return Wrong(value.at, "a value was expected");
    CLEANMAIL_RETURN_IF_ERROR(SetValue(field->second, value, term));
    CLEANMAIL_RETURN_IF_ERROR(Advance());
    return term;
  }

  absl::Status Unknown(const Token& token) const {
    std::vector<std::string> names;
    for (const auto& [name, field] : schema_.fields) names.push_back(name);
    const std::string_view nearest = base::Nearest(token.text, names);
    return Wrong(token.at, base::Cat("no field ", base::Printable(token.text, 50),
                                     nearest.empty() ? "" : "; did you mean ", nearest));
  }

  Lexer lexer_;
  const FilterSchema& schema_;
  Token token_;
  int terms_ = 0;
};

}  // namespace

absl::StatusOr<Filter> ParseFilter(std::string_view text, const FilterSchema& schema) {
  if (text.size() > kLongestFilter)
    return absl::InvalidArgumentError(base::Cat("filter: longer than ", kLongestFilter, " bytes"));
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return Wrong(i, "a control character");
  }
  return Parser(text, schema).Parse();
}

const std::string* MustEqual(const Filter& filter, std::string_view field) {
  if (filter.kind == Filter::Kind::kTerm && filter.op == FilterOp::kEqual && filter.field == field)
    return std::get_if<std::string>(&filter.value);
  if (filter.kind != Filter::Kind::kAnd) return nullptr;
  for (const Filter& part : filter.below) {
    if (const std::string* const value = MustEqual(part, field)) return value;
  }
  return nullptr;
}

}  // namespace cleanmail::rpc::resource
