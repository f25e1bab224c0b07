#include "services/scanner/analyzers/spam/rules/expression.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kLongest = 20'000;  // tokens

struct Token {
  std::string_view text;
  std::string_view argument;  // of a call
  bool call = false;
};

bool IsNameByte(char c) { return IsWord(c) || c == ':'; }

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (IsBlank(c)) {
      ++at;
      continue;
    }
    if (tokens.size() >= kLongest) return absl::InvalidArgumentError("the expression is too long");
    size_t end = at + 1;
    if (IsDigit(c) || (c == '.' && end < text.size() && IsDigit(text[end]))) {
      while (end < text.size() && (IsDigit(text[end]) || text[end] == '.')) ++end;
      tokens.push_back({text.substr(at, end - at), {}, false});
    } else if (IsWord(c)) {
      while (end < text.size() && IsNameByte(text[end])) ++end;
      Token token{text.substr(at, end - at), {}, false};
      size_t open = end;
      while (open < text.size() && IsBlank(text[open])) ++open;
      if (open < text.size() && text[open] == '(' && token.text != "version") {
        const size_t close = text.find(')', open);
        if (close == std::string_view::npos)
          return absl::InvalidArgumentError("a parenthesis is not closed");
        token.argument = Trim(text.substr(open + 1, close - open - 1));
        token.call = true;
        end = close + 1;
      }
      tokens.push_back(token);
    } else {
      static constexpr std::string_view kTwo[] = {"&&", "||", "==", "!=", "<=", ">="};
      const bool two =
          std::find(std::begin(kTwo), std::end(kTwo), text.substr(at, 2)) != std::end(kTwo);
      if (!two && std::string_view("()!<>+-*/^?:").find(c) == std::string_view::npos)
        return absl::InvalidArgumentError(
            base::AbslView(base::Cat("'", text.substr(at, 1), "' is no part of an expression")));
      end = at + (two ? 2 : 1);
      tokens.push_back({text.substr(at, end - at), {}, false});
    }
    at = end;
  }
  return tokens;
}

// How strongly a binary operator binds; 0: it is none.
int Strength(std::string_view op) {
  if (op == "*" || op == "/") return 8;
  if (op == "+" || op == "-") return 7;
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return 6;
  if (op == "==" || op == "!=") return 5;
  if (op == "^") return 4;
  if (op == "&&") return 3;
  if (op == "||") return 2;
  return op == "?" ? 1 : 0;
}

}  // namespace

// Recursive descent into the steps of a small stack machine.
class ExpressionParser {
 public:
  using Code = Expression::Code;

  ExpressionParser(std::vector<Token> tokens, const Expression::Resolver& resolve)
      : tokens_(std::move(tokens)), resolve_(resolve) {}

  absl::StatusOr<Expression> Run() {
    CLEANMAIL_RETURN_IF_ERROR(Binary(1, 0));
    if (at_ < tokens_.size())
      return absl::InvalidArgumentError(
          base::AbslView(base::Cat("'", tokens_[at_].text, "' is not expected")));
    std::sort(expression_.inputs_.begin(), expression_.inputs_.end());
    expression_.inputs_.erase(std::unique(expression_.inputs_.begin(), expression_.inputs_.end()),
                              expression_.inputs_.end());
    return std::move(expression_);
  }

 private:
  void Emit(Code code, unsigned target = 0) { expression_.steps_.push_back({code, target}); }
  void EmitNumber(double number) {
    Emit(Code::kNumber, static_cast<unsigned>(expression_.numbers_.size()));
    expression_.numbers_.push_back(number);
  }
  unsigned Here() const { return static_cast<unsigned>(expression_.steps_.size()); }
  unsigned EmitJump(Code code) {
    Emit(code);
    return Here() - 1;
  }
  void Land(unsigned jump) { expression_.steps_[jump].target = Here(); }
  bool Is(std::string_view text) const { return at_ < tokens_.size() && tokens_[at_].text == text; }

  absl::Status Operand(int depth) {
    if (depth > Expression::kDeepest)
      return absl::InvalidArgumentError("the expression is nested too deeply");
    if (at_ >= tokens_.size()) return absl::InvalidArgumentError("the expression ends too early");
    const Token token = tokens_[at_++];
    if (token.text == "!" || token.text == "-" || token.text == "+") {
      CLEANMAIL_RETURN_IF_ERROR(Operand(depth + 1));
      if (token.text == "!") Emit(Code::kNot);
      if (token.text == "-") Emit(Code::kNegate);
      return absl::OkStatus();
    }
    if (token.text == "(") {
      if (Is(")")) {  // nothing in parentheses is nothing
        ++at_;
        EmitNumber(0);
        return absl::OkStatus();
      }
      CLEANMAIL_RETURN_IF_ERROR(Binary(1, depth + 1));
      if (!Is(")")) return absl::InvalidArgumentError("a parenthesis is not closed");
      ++at_;
      return absl::OkStatus();
    }
    if (IsDigit(token.text[0]) || token.text[0] == '.') {
      const std::optional<double> number = NumberOf(token.text);
      if (!number) return absl::InvalidArgumentError("a number is not one");
      EmitNumber(*number);
      return absl::OkStatus();
    }
    if (!IsWord(token.text[0]))
      return absl::InvalidArgumentError(
          base::AbslView(base::Cat("'", token.text, "' stands where a value is expected")));
    CLEANMAIL_ASSIGN_OR_RETURN(const unsigned index, resolve_(token.text, token.argument));
    Emit(Code::kValue, index);
    expression_.inputs_.push_back(index);
    return absl::OkStatus();
  }

  absl::Status Binary(int least, int depth) {
    CLEANMAIL_RETURN_IF_ERROR(Operand(depth));
    while (at_ < tokens_.size()) {
      const std::string_view op = tokens_[at_].text;
      const int strength = Strength(op);
      if (strength < least || strength == 0) break;
      ++at_;
      CLEANMAIL_RETURN_IF_ERROR(Apply(op, strength, depth + 1));
    }
    return absl::OkStatus();
  }

  absl::Status Apply(std::string_view op, int strength, int depth) {
    if (op == "?") {
      const unsigned otherwise = EmitJump(Code::kDropAndJumpIfFalse);
      CLEANMAIL_RETURN_IF_ERROR(Binary(1, depth));
      if (!Is(":")) return absl::InvalidArgumentError("'?' without ':'");
      ++at_;
      const unsigned end = EmitJump(Code::kJump);
      Land(otherwise);
      CLEANMAIL_RETURN_IF_ERROR(Binary(1, depth));
      Land(end);
      return absl::OkStatus();
    }
    if (op == "&&" || op == "||") {
      const bool both = op == "&&";
      const unsigned end = EmitJump(both ? Code::kJumpIfFalse : Code::kJumpIfTrue);
      CLEANMAIL_RETURN_IF_ERROR(Binary(strength + 1, depth));
      Emit(both ? Code::kAnd : Code::kOr);
      Land(end);
      return absl::OkStatus();
    }
    CLEANMAIL_RETURN_IF_ERROR(Binary(strength + 1, depth));
    Emit(CodeOf(op));
    return absl::OkStatus();
  }

  static Code CodeOf(std::string_view op) {
    if (op == "+") return Code::kAdd;
    if (op == "-") return Code::kSubtract;
    if (op == "*") return Code::kMultiply;
    if (op == "/") return Code::kDivide;
    if (op == "<") return Code::kLess;
    if (op == ">") return Code::kGreater;
    if (op == "<=") return Code::kLessEqual;
    if (op == ">=") return Code::kGreaterEqual;
    if (op == "==") return Code::kEqual;
    return op == "!=" ? Code::kNotEqual : Code::kXor;
  }

  std::vector<Token> tokens_;
  const Expression::Resolver& resolve_;
  size_t at_ = 0;
  Expression expression_;
};

absl::StatusOr<Expression> Expression::Parse(std::string_view text, const Resolver& resolve) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return ExpressionParser(std::move(tokens), resolve).Run();
}

double Expression::Applied(Code code, double left, double right) {
  switch (code) {
    case Code::kAdd:
      return left + right;
    case Code::kSubtract:
      return left - right;
    case Code::kMultiply:
      return left * right;
    case Code::kDivide:
      return right == 0 ? 0 : left / right;
    case Code::kLess:
      return left < right ? 1 : 0;
    case Code::kGreater:
      return left > right ? 1 : 0;
    case Code::kLessEqual:
      return left <= right ? 1 : 0;
    case Code::kGreaterEqual:
      return left >= right ? 1 : 0;
    case Code::kEqual:
      return left == right ? 1 : 0;
    case Code::kNotEqual:
      return left != right ? 1 : 0;
    default:
      return static_cast<double>(static_cast<int64_t>(left) ^ static_cast<int64_t>(right));
  }
}

}  // namespace cleanmail::scanner::spam
