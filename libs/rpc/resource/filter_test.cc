#include "libs/rpc/resource/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::rpc::resource {
namespace {

using ::testing::HasSubstr;

FilterSchema Schema() {
  return {.fields = {{"sender", {}},
                     {"subject", {}},
                     {"size", {.type = FieldType::kInteger}},
                     {"score", {.type = FieldType::kNumber}},
                     {"time", {.type = FieldType::kTime}},
                     {"verdict", {.type = FieldType::kWord, .words = {{"held", "held"}}}}},
          .bare = "subject"};
}

// The tree as text, for comparing.
std::string Text(const Filter& f) {
  static constexpr const char* kOps[] = {"=", "!=", "<", "<=", ">", ">=", ":"};
  switch (f.kind) {
    case Filter::Kind::kAll:
      return "all";
    case Filter::Kind::kNot:
      return base::Cat("!(", Text(f.below[0]), ")");
    case Filter::Kind::kTerm: {
      std::string value;
      if (const auto* text = std::get_if<std::string>(&f.value)) value = *text;
      if (const auto* number = std::get_if<int64_t>(&f.value)) value = std::to_string(*number);
      if (const auto* real = std::get_if<double>(&f.value)) value = std::to_string(*real);
      return base::Cat(f.field, kOps[static_cast<int>(f.op)], value);
    }
    default: {
      std::string out = "(";
      for (const Filter& part : f.below)
        out += base::Cat(out.size() > 1 ? (f.kind == Filter::Kind::kAnd ? " & " : " | ") : "",
                         Text(part));
      return out + ")";
    }
  }
}

std::string Parsed(std::string_view text) {
  const auto filter = ParseFilter(text, Schema());
  return filter.ok() ? Text(*filter) : std::string(base::View(filter.status().message()));
}

TEST(FilterTest, NothingMeansEverything) {
  EXPECT_EQ(Parsed(""), "all");
  EXPECT_EQ(Parsed("  "), "all");
}

TEST(FilterTest, OrBindsTighterThanAndAndSideBySideIsAnd) {
  EXPECT_EQ(Parsed("sender = a AND sender = b OR sender = c"),
            "(sender=a & (sender=b | sender=c))");
  EXPECT_EQ(Parsed("size > 1 size < 9"), "(size>1 & size<9)");
  EXPECT_EQ(Parsed("(sender=a AND size=1) OR -verdict=held"),
            "((sender=a & size=1) | !(verdict=held))");
  EXPECT_EQ(Parsed("NOT NOT sender=a"), "!(!(sender=a))");
}

TEST(FilterTest, ReadsEachTypeOfValue) {
  EXPECT_EQ(Parsed("time >= 2026-11-22T00:00:00Z"), "time>=1795305600000000");
  EXPECT_EQ(Parsed("time < \"2026-11-22\""), "time<1795305600000000");
  EXPECT_EQ(Parsed("score <= -1.5"), "score<=-1.500000");
  EXPECT_EQ(Parsed("size != 10"), "size!=10");
  EXPECT_EQ(Parsed(R"(sender = "a \"b\" OR c")"), "sender=a \"b\" OR c");
  EXPECT_EQ(Parsed("invoice"), "subject:invoice");
}

TEST(FilterTest, AnErrorNamesThePosition) {
  EXPECT_EQ(Parsed("size = big"), "filter: position 8: a whole number was expected");
  EXPECT_EQ(Parsed("sendr = a"), "filter: position 1: no field sendr; did you mean sender");
  EXPECT_EQ(Parsed("(sender = a"), "filter: position 12: a parenthesis is never closed");
  EXPECT_EQ(Parsed("sender = a)"), "filter: position 11: this closes nothing");
  EXPECT_EQ(Parsed("sender = \"a"), "filter: position 10: this quote is never closed");
  EXPECT_THAT(Parsed("verdict = lost"), HasSubstr("it may be one of held"));
  EXPECT_THAT(Parsed("sender < a"), HasSubstr("text takes only"));
  EXPECT_THAT(Parsed("sender ="), HasSubstr("a value was expected"));
  EXPECT_THAT(Parsed("AND"), HasSubstr("a term is missing"));
  EXPECT_THAT(Parsed("a AND"), HasSubstr("was expected"));
  EXPECT_THAT(Parsed("score = nan"), HasSubstr("a number was expected"));
  EXPECT_THAT(Parsed(std::string("a\0b", 3)), HasSubstr("control character"));
}

TEST(FilterTest, IsBoundedInLengthDepthAndTerms) {
  EXPECT_THAT(Parsed(std::string(2001, 'a')), HasSubstr("longer than"));
  EXPECT_THAT(Parsed(std::string(1000, '(')), HasSubstr("nested deeper"));
  EXPECT_THAT(Parsed(std::string(1000, '-')), HasSubstr("nested deeper"));
  std::string many;
  for (int i = 0; i < 51; ++i) many += "a ";
  EXPECT_THAT(Parsed(many), HasSubstr("more than 50 terms"));
}

TEST(FilterTest, MustEqualSeesOnlyWhatAllMustFulfil) {
  const auto value = [](std::string_view text) {
    const auto filter = ParseFilter(text, Schema());
    const std::string* const found = MustEqual(*filter, "sender");
    return found == nullptr ? std::string("-") : *found;
  };
  EXPECT_EQ(value("size > 1 AND (sender = a AND size < 3)"), "a");
  EXPECT_EQ(value("sender = a OR size = 1"), "-");
  EXPECT_EQ(value("NOT sender = a"), "-");
  EXPECT_EQ(value("sender:a"), "-");
}

}  // namespace
}  // namespace cleanmail::rpc::resource
