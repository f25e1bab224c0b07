#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// Files of people: CSV as spreadsheets write it. Pure and bounded; linear in the file's length.
namespace cleanmail::provisioning::import {

inline constexpr size_t kLongestField = 32 * 1024;
inline constexpr size_t kMostFields = 100;

struct Text {
  std::string utf8 = {};
  std::string_view charset = {};  // "UTF-8" or "Windows-1252"
};
// UTF-8, with or without its byte order mark, is taken as it is; anything else is read as
// Windows-1252, whose unused bytes become U+FFFD. InvalidArgument: NUL bytes (UTF-16, a
// spreadsheet's own format).
absl::StatusOr<Text> ToUtf8(std::string_view bytes);

// Comma, semicolon or tab: which stands most often in the first line outside quotes; comma if none.
char DetectSeparator(std::string_view text);

// One record (RFC 4180): a line, or more where quotes hold line ends.
struct Record {
  int64_t line = 0;  // at which it begins, from 1
  std::vector<std::string> fields = {};
  std::string_view problem = {};  // why it could not be read; empty: nothing
};

// Gives the records one by one. Lines end in CRLF, LF or CR; empty ones are left out; white space
// round a field that is not quoted is dropped.
class Reader {
 public:
  // `text` outlives it.
  Reader(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  std::optional<Record> Next();

 private:
  bool TakeField(Record& record);  // true: the record goes on
  void TakeQuoted(Record& record, std::string& field);
  bool TakeLineEnd();
  void SkipLine();

  std::string_view rest_;
  const char separator_;
  int64_t line_ = 1;
};

// A field as it is written: quoted where needed. What a spreadsheet would take for a formula
// (beginning with = + - @, a tab or a return) gets an apostrophe before it.
std::string ToField(std::string_view text, char separator = ',');
// The field without such an apostrophe.
std::string_view WithoutApostrophe(std::string_view field);

}  // namespace cleanmail::provisioning::import
