#include "libs/regex/perl_literal.h"

#include <cctype>

namespace cleanmail::regex {
namespace {

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

char ClosingOf(char opening) {
  switch (opening) {
    case '{':
      return '}';
    case '(':
      return ')';
    case '[':
      return ']';
    case '<':
      return '>';
    default:
      return opening;
  }
}

// Whether `pattern` has the delimiter without a backslash before it.
bool HasBareDelimiter(std::string_view pattern, char delimiter) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == delimiter) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<Flags> ParseModifiers(std::string_view letters) {
  Flags flags;
  for (const char letter : letters) {
    switch (letter) {
      case 'i':
        flags.ignore_case = true;
        break;
      case 'm':
        flags.multi_line = true;
        break;
      case 's':
        flags.dot_matches_all = true;
        break;
      case 'x':
        flags.extended = true;
        break;
      case 'a':  // ASCII classes are what we have
      case 'n':
      case 'p':
      case 'u':
        break;
      default:
        return absl::InvalidArgumentError("letters behind the pattern that are no modifiers");
    }
  }
  return flags;
}

}  // namespace

absl::StatusOr<PerlLiteral> ParsePerlLiteral(std::string_view text) {
  char opening = '/';
  if (text.starts_with('/')) {
    text.remove_prefix(1);
  } else {
    text.remove_prefix(text.starts_with("qr") ? 2 : text.starts_with('m') ? 1 : text.size());
    if (text.empty() || IsWordByte(text[0]) || text[0] == '\\')
      return absl::InvalidArgumentError(
          "a pattern stands between delimiters: /pattern/ or m{pattern}");
    opening = text[0];
    text.remove_prefix(1);
  }
  const char closing = ClosingOf(opening);
  const size_t end = text.rfind(closing);
  if (end == std::string_view::npos)
    return absl::InvalidArgumentError("the pattern's closing delimiter is missing");
  absl::StatusOr<Flags> flags = ParseModifiers(text.substr(end + 1));
  if (!flags.ok()) return flags.status();
  const std::string_view pattern = text.substr(0, end);
  if (closing == opening && HasBareDelimiter(pattern, closing))
    return absl::InvalidArgumentError("the delimiter stands within the pattern without backslash");
  if (pattern.find("(?{") != std::string_view::npos ||
      pattern.find("(??{") != std::string_view::npos)
    return absl::InvalidArgumentError("code within a pattern is not run");
  return PerlLiteral{.pattern = std::string(pattern), .flags = *flags};
}

}  // namespace cleanmail::regex
