#include "services/cli/output.h"

#include <algorithm>
#include <cstdlib>

#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::cli {
namespace {

constexpr size_t kGap = 2;

// Columns a terminal needs for UTF-8 text: one for each character (wide scripts are off by a
// little, which only costs beauty).
size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void PrintRow(std::ostream& out, const std::vector<std::string>& cells,
              const std::vector<size_t>& widths) {
  for (size_t i = 0; i < cells.size(); ++i) {
    out << cells[i];
    if (i + 1 < cells.size()) out << std::string(widths[i] - WidthOf(cells[i]) + kGap, ' ');
  }
  out << "\n";
}

// `2026-11-22 10:00:00` in local time.
std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::LocalTimeZone());
}

}  // namespace

void Print(std::ostream& out, const Table& table) {
  if (table.rows.empty()) {
    out << "(none)\n";
    return;
  }
  std::vector<std::vector<std::string>> lines = {table.headings};
  for (const std::vector<std::string>& row : table.rows) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const std::string& cell : row) line.push_back(base::Printable(cell));
  }
  std::vector<size_t> widths(table.headings.size());
  for (const std::vector<std::string>& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], WidthOf(line[i]));
  }
  for (const std::vector<std::string>& line : lines) PrintRow(out, line, widths);
}

void Print(std::ostream& out, Format format, const base::Json& answer, const Table& table) {
  if (format == Format::kTable) return Print(out, table);
  out << answer.Print(true) << "\n";
}

std::string Shown(const base::Json& resource, std::string_view field) {
  const base::Json* const value = resource.Find(field);
  if (value == nullptr) return "-";
  if (value->type == base::Json::Type::kArray) {
    std::string text;
    for (const base::Json& item : value->items)
      text += base::Cat(text.empty() ? "" : ", ", item.text);
    return text;
  }
  if (value->type == base::Json::Type::kBool) return value->boolean ? "yes" : "no";
  if (field.ends_with("Time") || field.ends_with("time")) {
    absl::Time time;
    std::string error;
    return absl::ParseTime(absl::RFC3339_full, value->text, &time, &error) ? TimeText(time)
                                                                           : value->text;
  }
  if (field.ends_with("Us")) {
    const int64_t micros = std::atoll(value->text.c_str());
    return micros == 0 ? "-" : TimeText(absl::FromUnixMicros(micros));
  }
  return value->text;
}

std::string LastPart(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

std::string TenantPart(std::string_view name) {
  const size_t begin = name.find('/') + 1;
  return std::string(name.substr(begin, name.find('/', begin) - begin));
}

std::string Words(std::string_view value, std::string_view prefix) {
  if (value.starts_with(prefix)) value.remove_prefix(prefix.size());
  std::string words;
  for (const char c : value) {
    words += c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return words;
}

}  // namespace cleanmail::cli
