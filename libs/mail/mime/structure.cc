#include "libs/mail/mime/structure.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::mime {
namespace {

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

ContentType ParseContentType(std::string_view value) {
  ContentType result;
  size_t semicolon = std::min(value.find(';'), value.size());
  const std::string_view full = Trim(value.substr(0, semicolon));
  const size_t slash = std::min(full.find('/'), full.size());
  result.type = Trim(full.substr(0, slash));
  if (slash < full.size()) result.subtype = Trim(full.substr(slash + 1));
  while (semicolon < value.size()) {
    value.remove_prefix(semicolon + 1);
    const size_t equals = value.find_first_of("=;");
    if (equals == std::string_view::npos) break;
    const std::string_view name = Trim(value.substr(0, equals));
    if (value[equals] == ';') {
      semicolon = equals;
      continue;
    }
    std::string_view rest = value.substr(equals + 1);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    std::string_view content;
    if (rest.starts_with('"')) {
      const size_t end = std::min(rest.find('"', 1), rest.size());
      content = rest.substr(1, end - 1);
      rest.remove_prefix(end);
      semicolon = rest.find(';');
    } else {
      semicolon = rest.find(';');
      content = Trim(rest.substr(0, semicolon));
    }
    if (result.boundary.empty() && Same(name, "boundary")) result.boundary = content;
    value = rest;
  }
  return result;
}

}  // namespace cleanmail::mail::mime
