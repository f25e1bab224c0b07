#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace cleanmail::policy {

inline constexpr size_t kLongestPattern = 500;

// Text as a tenant's rules compare it: ASCII letters lower case, all else as it is.
std::string Lower(std::string_view text);

// A pattern for text. Matching takes time linear in the text, whatever the pattern. All texts given
// to it are in Lower form. A value.
class TextPattern {
 public:
  // The whole text, with `*` (any run) and `?` (any one character). InvalidArgument beyond
  // kLongestPattern.
  static absl::StatusOr<TextPattern> Glob(std::string_view pattern);
  // Text that is contained.
  static absl::StatusOr<TextPattern> Contains(std::string_view part);
  // A regular expression in RE2's syntax, found anywhere, without regard to case. InvalidArgument
  // in RE2's words.
  static absl::StatusOr<TextPattern> Regex(std::string_view expression);

  bool Matches(std::string_view lowered) const;
  // Length in bytes the pattern was written with: 0 matches everything where Glob is `*`.
  const std::string& source() const { return source_; }

 private:
  enum class Kind { kAll, kExact, kPrefix, kSuffix, kContains, kExpression };
  TextPattern(Kind kind, std::string literal, std::string source)
      : kind_(kind), literal_(std::move(literal)), source_(std::move(source)) {}

  Kind kind_;
  std::string literal_;
  std::string source_;
  std::shared_ptr<const re2::RE2> expression_;  // shared: copies of a pattern are one program
};

// A pattern for addresses: an address, a domain, `*.domain` (any below it), `<>` (the null sender),
// or text with `*` and `?`. A value.
class AddressPattern {
 public:
  static absl::StatusOr<AddressPattern> Parse(std::string_view pattern);
  // `address` in Lower form, empty for the null sender; `domain` is its part behind the last @.
  bool Matches(std::string_view address, std::string_view domain) const;
  // The pattern in its normal form: A-labels, lower case.
  const std::string& normal() const { return normal_; }
  // Whether it is a glob, that is, none of the plain forms.
  bool is_glob() const { return glob_.has_value(); }

 private:
  enum class Kind { kNull, kAddress, kDomain, kBelow, kGlob };
  Kind kind_ = Kind::kNull;
  std::string normal_;
  std::optional<TextPattern> glob_;
};

// The part behind the last @; empty without one.
std::string_view DomainOf(std::string_view address);

}  // namespace cleanmail::policy
