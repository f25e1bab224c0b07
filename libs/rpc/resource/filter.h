#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

// What a person may ask of a list: a subset of AIP-160.
//   sender = "ann@example.org" AND (subject:invoice OR size >= 1000000) AND NOT verdict = held
// Words side by side mean AND; OR binds tighter than AND; `-` or NOT before a term turns it round.
// A word alone is looked for in the schema's field for that.
namespace cleanmail::rpc::resource {

// What a field holds, and so which values and operators it takes.
enum class FieldType {
  kText,     // = != and `:` (contains; ASCII case does not matter)
  kWord,     // one of a fixed set: = != (`:` is =)
  kInteger,  // = != < <= > >=
  kNumber,   // the same, with a fraction
  kTime,     // the same; "2026-11-22", "2026-11-22T08:30:00Z"; becomes microseconds since 1970
};

struct FilterField {
  FieldType type = FieldType::kText;
  // Of kWord: what it may be asked for, and what that is called in the tree.
  std::map<std::string, std::string, std::less<>> words = {};
};

struct FilterSchema {
  std::map<std::string, FilterField, std::less<>> fields;
  // Text field that a word alone is looked for in; empty: a word alone is refused.
  std::string bare = {};
};

enum class FilterOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kContains };

// A tree: kAll has nothing below, kAnd and kOr at least two, kNot one, kTerm none.
struct Filter {
  enum class Kind { kAll, kAnd, kOr, kNot, kTerm };
  Kind kind = Kind::kAll;
  std::vector<Filter> below = {};
  std::string field = {};  // one of the schema's
  FilterOp op = FilterOp::kEqual;
  std::variant<int64_t, double, std::string> value = {};  // times and integers: int64_t
};

inline constexpr size_t kLongestFilter = 2000;  // bytes
inline constexpr int kDeepestFilter = 20;       // parentheses and NOTs
inline constexpr int kMostFilterTerms = 50;

// The empty text is kAll. InvalidArgument begins with "filter: " and names the position, from 1.
absl::StatusOr<Filter> ParseFilter(std::string_view text, const FilterSchema& schema);

// Value of the term `field = value` that everything must fulfil (it stands in no OR and no NOT), or
// nullptr: what an index can be used for.
const std::string* MustEqual(const Filter& filter, std::string_view field);

}  // namespace cleanmail::rpc::resource
