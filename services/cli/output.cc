#include "services/cli/output.h"

#include <algorithm>

#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"
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

void Print(std::ostream& out, Format format, const google::protobuf::Message& answer,
           const Table& table) {
  if (format == Format::kTable) return Print(out, table);
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  (void)google::protobuf::util::MessageToJsonString(answer, &json, options);
  out << json;
}

std::string TimeText(int64_t micros) {
  return micros == 0 ? "-"
                     : absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(micros),
                                        absl::LocalTimeZone());
}

}  // namespace cleanmail::cli
