#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/regex/regex.h"

namespace cleanmail::regex {

// A pattern as Perl programs write it, taken apart.
struct PerlLiteral {
  std::string pattern;
  Flags flags;
};

// Reads `/pattern/ims`, `m{pattern}x`, `m!pattern!`, `qr(pattern)`: all of `text`. InvalidArgument
// says what is wrong: no delimiters, letters behind the end that are no modifiers, code in the
// pattern.
absl::StatusOr<PerlLiteral> ParsePerlLiteral(std::string_view text);

}  // namespace cleanmail::regex
