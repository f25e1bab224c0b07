#include "services/provisioning/import/csv.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::provisioning::import {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kFormulaStarts = "=+-@\t\r";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// 0x80 to 0x9f of Windows-1252; 0 where nothing is assigned.
constexpr std::array<uint16_t, 32> kWindows = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

void AppendUtf8(std::string& text, uint16_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xc0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    text += static_cast<char>(0xe0 | point >> 12);
    text += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (point & 0x3f));
  }
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = mail::address::Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string FromWindows1252(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x80 || byte >= 0xa0) {
      AppendUtf8(text, byte);
    } else if (const uint16_t point = kWindows[byte - 0x80]; point != 0) {
      AppendUtf8(text, point);
    } else {
      text += kReplacement;
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<Text> ToUtf8(std::string_view bytes) {
  if (bytes.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "the file holds NUL bytes: save it as CSV in UTF-8 or Windows-1252");
  }
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  if (IsUtf8(bytes)) return Text{.utf8 = std::string(bytes), .charset = "UTF-8"};
  return Text{.utf8 = FromWindows1252(bytes), .charset = "Windows-1252"};
}

char DetectSeparator(std::string_view text) {
  constexpr std::array<char, 3> kSeparators = {',', ';', '\t'};
  std::array<int, 3> counts = {};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '\n' || c == '\r')) break;
    for (size_t i = 0; i < kSeparators.size(); ++i) counts[i] += !quoted && c == kSeparators[i];
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  return kSeparators[static_cast<size_t>(most - counts.begin())];
}

bool Reader::TakeLineEnd() {
  if (rest_.starts_with("\r\n")) {
    rest_.remove_prefix(2);
  } else if (rest_.starts_with('\n') || rest_.starts_with('\r')) {
    rest_.remove_prefix(1);
  } else {
    return false;
  }
  ++line_;
  return true;
}

void Reader::SkipLine() {
  rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
}

void Reader::TakeQuoted(Record& record, std::string& field) {
  rest_.remove_prefix(1);
  while (!rest_.empty()) {
    if (rest_.starts_with("\"\"")) {
      field += '"';
      rest_.remove_prefix(2);
    } else if (rest_.front() == '"') {
      rest_.remove_prefix(1);
      return;
    } else {
      const std::string_view before = rest_;
      if (TakeLineEnd()) {
        field += '\n';
      } else {
        field += before.front();
        rest_.remove_prefix(1);
      }
    }
    if (field.size() > kLongestField) {
      record.problem = "a field is too long, or its quote is not closed";
      return;
    }
  }
  record.problem = "a quote is not closed";
}

bool Reader::TakeField(Record& record) {
  std::string field;
  if (rest_.starts_with('"')) {
    TakeQuoted(record, field);
    if (!record.problem.empty()) return false;
    // Nothing but the separator may follow; spaces are forgiven.
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_.front() != separator_ && rest_.front() != '\r' &&
        rest_.front() != '\n') {
      record.problem = "text follows a closing quote";
      return false;
    }
  } else {
    const std::array<char, 3> ends = {separator_, '\r', '\n'};
    const size_t end =
        std::min(rest_.find_first_of(std::string_view(ends.data(), ends.size())), rest_.size());
    const absl::string_view trimmed =
        absl::StripAsciiWhitespace(base::AbslView(rest_.substr(0, end)));
    field = std::string(trimmed);
    rest_.remove_prefix(end);
    if (field.size() > kLongestField) {
      record.problem = "a field is too long";
      return false;
    }
  }
  if (record.fields.size() == kMostFields) {
    record.problem = "too many fields";
    return false;
  }
  record.fields.push_back(std::move(field));
  if (rest_.empty() || rest_.front() != separator_) return false;
  rest_.remove_prefix(1);
  return true;
}

std::optional<Record> Reader::Next() {
  while (TakeLineEnd()) {
  }
  if (rest_.empty()) return std::nullopt;
  Record record{.line = line_, .fields = {}, .problem = {}};
  while (TakeField(record)) {
  }
  if (!record.problem.empty()) SkipLine();
  TakeLineEnd();
  return record;
}

std::string ToField(std::string_view text, char separator) {
  // An apostrophe of its own gets one too, so that taking one away always gives the text back.
  const bool defuse =
      !text.empty() && (kFormulaStarts.find(text.front()) != std::string_view::npos ||
                        WithoutApostrophe(text) != text);
  const std::string field = base::Cat(defuse ? "'" : "", text);
  const bool spaces = absl::StripAsciiWhitespace(base::AbslView(text)).size() != text.size();
  if (!spaces && field.find_first_of("\"\r\n\t") == std::string::npos &&
      field.find(separator) == std::string::npos) {
    return field;
  }
  std::string quoted(1, '"');
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

std::string_view WithoutApostrophe(std::string_view field) {
  const size_t text = field.find_first_not_of('\'');
  if (text == 0 || text == std::string_view::npos) return field;
  return kFormulaStarts.find(field[text]) == std::string_view::npos ? field : field.substr(1);
}

}  // namespace cleanmail::provisioning::import
