#include "services/scanner/analyzers/spam/rules/expression.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner::spam {
namespace {

// A is 1, B is 2, everything else 0.
double Value(std::string_view text) {
  const auto resolve = [](std::string_view name, std::string_view) -> absl::StatusOr<unsigned> {
    return name == "A" ? 0U : name == "B" ? 1U : 2U;
  };
  const auto expression = Expression::Parse(text, resolve);
  EXPECT_TRUE(expression.ok()) << text << ": " << expression.status();
  return expression.ok() ? expression->Evaluate([](unsigned index) {
    return index == 0 ? 1.0 : index == 1 ? 2.0 : 0.0;
  })
                         : -1;
}

TEST(Expression, FollowsPerl) {
  EXPECT_EQ(Value("A && B"), 2);
  EXPECT_EQ(Value("C || B"), 2);
  EXPECT_EQ(Value("!A + !C"), 1);
  EXPECT_EQ(Value("(A + B) * 2 > 5"), 1);
  EXPECT_EQ(Value("A + B * 2"), 5);
  EXPECT_EQ(Value("A - B - 1"), -2);
  EXPECT_EQ(Value("C ? 7 : 8"), 8);
  EXPECT_EQ(Value("A && (C || !B) || 0"), 0);
  EXPECT_EQ(Value("B / C"), 0);
  EXPECT_EQ(Value("A == 1 && B != 1"), 1);
}

// C is not known.
double ValueWithoutC(std::string_view text) {
  const auto resolve = [](std::string_view name, std::string_view) -> absl::StatusOr<unsigned> {
    return name == "C" ? 1U : 0U;
  };
  return Expression::Parse(text, resolve)->Evaluate([](unsigned index) {
    return index == 0 ? 1.0 : Expression::kUnknown;
  });
}

TEST(Expression, IsUnknownUnlessItIsFalseInAnyCase) {
  for (const char* text : {"C", "!C", "-C", "C + A", "C == C", "C && A", "A && C", "C || A",
                           "C || !A", "C ? A : A", "(C || A) && A"})
    EXPECT_FALSE(Expression::IsKnown(ValueWithoutC(text))) << text;
  for (const char* text : {"C && !A", "!A && C", "C && !A && C", "(C || A) && !A"})
    EXPECT_EQ(ValueWithoutC(text), 0) << text;
  EXPECT_EQ(ValueWithoutC("A || C"), 1);
  EXPECT_EQ(ValueWithoutC("(C && !A) + A"), 1);
}

TEST(Expression, HoldsBackAValueForEveryLevelItMayHave) {
  size_t deepest = 0;
  for (size_t depth = 1; depth < 200; ++depth) {
    std::string text = "A";
    for (size_t i = 0; i < depth; ++i) text = "A + (" + text + ")";
    const auto expression = Expression::Parse(
        text, [](std::string_view, std::string_view) -> absl::StatusOr<unsigned> { return 0U; });
    if (!expression.ok()) break;
    deepest = depth;
    EXPECT_EQ(expression->Evaluate([](unsigned) { return 1.0; }), static_cast<double>(depth + 1));
  }
  EXPECT_GT(deepest, 40U);
  EXPECT_LT(deepest, 199U);
}

TEST(Expression, RefusesWhatIsNone) {
  const auto resolve = [](std::string_view, std::string_view) -> absl::StatusOr<unsigned> {
    return 0U;
  };
  for (const std::string& text : {std::string(""), std::string("A &&"), std::string("(A"),
                                  std::string("A B"), std::string("A ; B"), std::string("A ? B"),
                                  std::string(10'000, '('), std::string(100'000, '!') + "A"})
    EXPECT_FALSE(Expression::Parse(text, resolve).ok()) << text.substr(0, 20);
}

}  // namespace
}  // namespace cleanmail::scanner::spam
