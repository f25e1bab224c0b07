#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "google/protobuf/message.h"

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
void Print(std::ostream& out, Format format, const google::protobuf::Message& answer,
           const Table& table);

// `2026-11-22 10:00:00` in local time; "-" for 0.
std::string TimeText(int64_t micros);

}  // namespace cleanmail::cli
