#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleanmail::mail::mime {

// A header value with parameters (Content-Type, Content-Disposition; RFC 2045 §5.1, RFC 2183), read
// as recipients' programs read it. Values are well-formed UTF-8.
struct Parameters {
  // What stands before the first semicolon, lower case, without comments and white space.
  std::string value;
  // In the order they came, names in lower case; sections joined and decoded (RFC 2231), encoded
  // words read although RFC 2047 §5 forbids them here, since nearly every program does.
  std::vector<std::pair<std::string, std::string>> list;

  // The first of that name (lower case); nullptr without one.
  const std::string* Find(std::string_view name) const;
};

// Total: whatever comes, something is read. At most 100 parameters.
Parameters ParseParameters(std::string_view value);

// Every value one program or another reads for parameter `name` (lower case) of `value`, the one
// ParseParameters prefers first: each occurrence, encoded words read and not, sections by number
// and as they came, the extended and the plain form, up to the first blank where quotes are
// missing, with what follows the closing quote. UTF-8; empty without such a parameter; bounded.
std::vector<std::string> ReadParameter(std::string_view value, std::string_view name);

}  // namespace cleanmail::mail::mime
