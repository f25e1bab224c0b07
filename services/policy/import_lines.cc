#include "services/policy/import_lines.h"

#include <algorithm>
#include <array>

#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/mail/address/utf8.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kMostLines = 10'000;
constexpr std::array<std::string_view, 6> kColumns = {"sender",  "kind",     "scope",
                                                      "comment", "networks", "expire_time"};

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The cells of one line. A quote that does not end takes the rest of the line; entries have no line
// breaks in them.
std::vector<std::string> CellsOf(std::string_view line, char separator) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || Trim(cells.back()).empty())) {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  for (std::string& cell : cells) {
    std::string_view text = Trim(cell);
    // What ToCsv has put before a cell that a spreadsheet would compute.
    if (text.size() > 1 && text[0] == '\'' &&
        std::string_view("=+-@").find(text[1]) != std::string_view::npos)
      text.remove_prefix(1);
    cell = std::string(text);
  }
  return cells;
}

absl::Status SetCell(std::string_view column, const std::string& cell, v1::ListEntry& entry) {
  if (cell.empty()) return absl::OkStatus();
  if (column == "sender") {
    entry.set_sender(cell);
  } else if (column == "scope") {
    entry.set_scope(cell);
  } else if (column == "comment") {
    entry.set_comment(cell);
  } else if (column == "kind") {
    const std::string kind = Lower(cell);
    if (kind != "allow" && kind != "block")
      return absl::InvalidArgumentError("kind: allow or block is needed");
    entry.set_kind(kind == "allow" ? v1::ListEntry::KIND_ALLOW : v1::ListEntry::KIND_BLOCK);
  } else if (column == "networks") {
    for (size_t at = 0; at < cell.size();) {
      const size_t end = std::min(cell.find(' ', at), cell.size());
      if (end > at) entry.add_networks(cell.substr(at, end - at));
      at = end + 1;
    }
  } else {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, cell, &time, &error))
      return absl::InvalidArgumentError("expire_time: a time like 2030-12-31T00:00:00Z is needed");
    entry.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(time));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListEntry> ToEntry(const std::vector<std::string>& cells,
                                      const std::vector<std::string>& columns) {
  v1::ListEntry entry;
  if (cells.size() > columns.size())
    return absl::InvalidArgumentError(
        base::Cat("more than ", columns.size(), " cells in this line"));
  for (size_t i = 0; i < cells.size(); ++i)
    CLEANMAIL_RETURN_IF_ERROR(SetCell(columns[i], cells[i], entry));
  return entry;
}

}  // namespace

absl::StatusOr<std::vector<ImportLine>> ReadImport(std::string_view text) {
  if (text.size() > kMostBytes)
    return absl::InvalidArgumentError("content: longer than 1 MiB");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  std::vector<ImportLine> lines;
  std::vector<std::string> columns = {"sender", "comment"};
  char separator = '\0';
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = Trim(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (lines.size() >= kMostLines)
      return absl::InvalidArgumentError(base::Cat("content: more than ", kMostLines, " lines"));
    if (!mail::address::IsPrintableUtf8(line) && line.find('\t') == std::string_view::npos) {
      lines.push_back({.number = number, .entry = absl::InvalidArgumentError("not UTF-8 text")});
      continue;
    }
    const bool first = separator == '\0';
    if (first) separator = line.find(';') != std::string_view::npos ? ';' : ',';
    std::vector<std::string> cells = CellsOf(line, separator);
    if (first && Lower(cells[0]).find('@') == std::string::npos &&
        std::ranges::find(kColumns, Lower(cells[0])) != kColumns.end()) {
      columns.clear();
      for (const std::string& cell : cells) {
        columns.push_back(Lower(cell));
        if (std::ranges::find(kColumns, columns.back()) == kColumns.end())
          return absl::InvalidArgumentError(
              base::Cat("content: \"", base::Printable(cell, 50), "\" is not a column we know"));
      }
      continue;
    }
    lines.push_back({.number = number, .entry = ToEntry(cells, columns)});
  }
  return lines;
}

}  // namespace cleanmail::policy
