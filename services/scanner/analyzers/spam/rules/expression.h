#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
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
  double Evaluate(absl::FunctionRef<double(unsigned index)> value_of) const;
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
    kJumpIfTrue,   // keeps the value when it jumps, drops it otherwise
    kJumpIfFalse,  // the same for false
    kDropAndJumpIfFalse,
    kJump,
  };
  static double Applied(Code code, double left, double right);

  struct Step {
    Code code;
    double number = 0;    // of kNumber
    unsigned target = 0;  // value's index, or where to jump
  };
  std::vector<Step> steps_;
  std::vector<unsigned> inputs_;
};

}  // namespace cleanmail::scanner::spam
