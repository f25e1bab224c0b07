#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/json.h"

namespace cleanmail::cli {

enum class Format { kTable, kJson };

// Rows for people. Cells are hostile text: the printer escapes them.
struct Table {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;
};

// Prints a table with columns as wide as they need; "(none)" without rows.
void Print(std::ostream& out, const Table& table);

// Prints an answer as JSON, or as `table`.
void Print(std::ostream& out, Format format, const base::Json& answer, const Table& table);

// A field of a resource for people: text as it is, lists joined by commas, times in local time
// (also those in microseconds), "-" for nothing.
std::string Shown(const base::Json& resource, std::string_view field);

// The id behind the last slash of a name; the second segment of it.
std::string LastPart(std::string_view name);
std::string TenantPart(std::string_view name);

// `HOLD_KIND_COULD_NOT_SCAN` without its prefix, in words: `could not scan`.
std::string Words(std::string_view value, std::string_view prefix);

}  // namespace cleanmail::cli
