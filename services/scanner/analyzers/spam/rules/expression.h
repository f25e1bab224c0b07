#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::scanner::spam {

// An arithmetic and logical expression over named values, as `meta` rules and `if` lines have them:
// numbers, names, ( ) ! - + - * / < > <= >= == != ^ && || ?:, with Perl's precedence and meaning
// (&& and || give the value that decided). Immutable.
class Expression {
 public:
  // A name, or a call such as can(X): gives the index of its value.
  using Resolver =
      std::function<absl::StatusOr<unsigned>(std::string_view name, std::string_view argument)>;

  // Total: InvalidArgument for what is no expression, or deeper or longer than is reasonable.
  static absl::StatusOr<Expression> Parse(std::string_view text, const Resolver& resolve);

  // A value that is not known; IsKnown() tells (it equals nothing, not even itself).
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  static bool IsKnown(double value) { return !std::isnan(value); }

  // `value_of(index)` is asked for what the result depends on, and for nothing else. Where it does
  // not know, the result is kUnknown unless it is 0 in any case.
  template <class ValueOf>  // double(unsigned index)
  double Evaluate(const ValueOf& value_of) const;
  // Indices of the values it reads.
  const std::vector<unsigned>& inputs() const { return inputs_; }

 private:
  friend class ExpressionParser;
  enum class Code : uint8_t {
    kNumber,
    kValue,
    kNot,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kLess,
    kGreater,
    kLessEqual,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kXor,
    kJumpIfTrue,   // over the right side and its kOr
    kJumpIfFalse,  // over the right side and its kAnd
    kAnd,
    kOr,
    kDropAndJumpIfFalse,
    kJump,
  };
  static double Applied(Code code, double left, double right);

  struct Step {
    Code code;
    unsigned target;  // index of a value or number, or where to jump
  };
  static constexpr int kDeepest = 100;

  std::vector<Step> steps_;
  std::vector<double> numbers_;
  std::vector<unsigned> inputs_;
};

template <class ValueOf>
double Expression::Evaluate(const ValueOf& value_of) const {
  // Every level of nesting holds back one value at most.
  std::array<double, kDeepest + 2> values;
  double* top = values.data();  // the value at hand is below it
  const Step* const begin = steps_.data();
  const Step* const end = begin + steps_.size();
  for (const Step* step = begin; step != end; ++step) {
    switch (step->code) {
      case Code::kNumber:
        *top++ = numbers_[step->target];
        break;
      case Code::kValue:
        *top++ = value_of(step->target);
        break;
      case Code::kNot:
        if (IsKnown(top[-1])) top[-1] = top[-1] == 0 ? 1 : 0;
        break;
      case Code::kNegate:
        top[-1] = -top[-1];
        break;
      case Code::kJumpIfTrue:
        if (IsKnown(top[-1]) && top[-1] != 0) step = begin + step->target - 1;
        break;
      case Code::kJumpIfFalse:
        if (top[-1] == 0) step = begin + step->target - 1;
        break;
      case Code::kOr:
        --top;
        top[-1] = IsKnown(top[-1]) ? top[0] : kUnknown;
        break;
      case Code::kAnd:
        --top;
        // Beside what is not known, only a false right side decides.
        top[-1] = IsKnown(top[-1]) ? top[0] : top[0] == 0 ? 0 : kUnknown;
        break;
      case Code::kDropAndJumpIfFalse:
        --top;
        if (!IsKnown(*top)) return kUnknown;
        if (*top == 0) step = begin + step->target - 1;
        break;
      case Code::kJump:
        step = begin + step->target - 1;
        break;
      default:
        --top;
        top[-1] =
            IsKnown(top[-1]) && IsKnown(top[0]) ? Applied(step->code, top[-1], top[0]) : kUnknown;
    }
  }
  return top == values.data() ? 0 : top[-1];
}

}  // namespace cleanmail::scanner::spam
