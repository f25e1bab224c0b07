#include "libs/mail/mime/embedded_files.h"

#include <algorithm>
#include <optional>

#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

std::string_view TrimRight(std::string_view line) {
  while (!line.empty() &&
         (line.back() == '\n' || line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

// The line at the start of `text`, without its end; `text` goes behind it.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

int UuValue(char c) { return (static_cast<unsigned char>(c) - 0x20) & 0x3f; }

// A line of uuencode: bytes it says it has, and them; nullopt when it is none.
std::optional<std::string> DecodeUuLine(std::string_view line) {
  if (line.empty()) return std::nullopt;
  if (!std::ranges::all_of(line, [](char c) { return c >= 0x20 && c <= 0x60; }))
    return std::nullopt;
  const auto length = static_cast<size_t>(UuValue(line[0]));
  const size_t needed = (length * 4 + 2) / 3;
  std::string body(line.substr(1));
  // Blanks at the end are lost on the way; more than a checksum's worth beyond is no uuencode.
  if (body.size() > (length + 2) / 3 * 4 + 2) return std::nullopt;
  if (body.size() < needed) {
    if (body.size() + 8 < needed && body.find_first_not_of(' ') != std::string::npos &&
        body.size() * 2 < needed)
      return std::nullopt;
    body.resize(needed, ' ');
  }
  body.resize((body.size() + 3) / 4 * 4, ' ');
  std::string out;
  for (size_t i = 0; i + 3 < body.size() && out.size() < length; i += 4) {
    const int bits = UuValue(body[i]) << 18 | UuValue(body[i + 1]) << 12 |
                     UuValue(body[i + 2]) << 6 | UuValue(body[i + 3]);
    out += static_cast<char>(bits >> 16 & 0xff);
    out += static_cast<char>(bits >> 8 & 0xff);
    out += static_cast<char>(bits & 0xff);
  }
  out.resize(length);
  return out;
}

// The file name of a `begin` line; nullopt when it is none. Some programs take one without a mode.
std::optional<std::string_view> BeginName(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return std::nullopt;
  line.remove_prefix(word.size());
  if (!line.starts_with(' ') && !line.starts_with('\t')) return std::nullopt;
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  const size_t digits = std::min(line.find_first_not_of("01234567"), line.size());
  if (digits >= 3 && digits <= 4 && digits < line.size() && line[digits] == ' ') {
    line.remove_prefix(digits + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  }
  line = TrimRight(line);
  return line.empty() ? std::nullopt : std::optional(line);
}

// Reads lines behind `begin`; `rest` goes behind what was read.
std::optional<EmbeddedFile> TakeUu(std::string_view name, std::string_view& rest) {
  EmbeddedFile file{.name = std::string(name), .bytes = {}, .origin = "uuencode"};
  std::string_view ahead = rest;
  bool any = false;
  while (!ahead.empty()) {
    std::string_view next = ahead;
    const std::string_view line = TakeLine(next);
    if (TrimRight(line) == "end") {
      ahead = next;
      break;
    }
    if (line.empty() && any) {
      ahead = next;
      continue;
    }
    const std::optional<std::string> bytes = DecodeUuLine(line);
    if (!bytes) break;
    file.bytes += *bytes;
    any = true;
    ahead = next;
  }
  if (file.bytes.empty()) return std::nullopt;
  rest = ahead;
  return file;
}

std::optional<EmbeddedFile> TakeBase64(std::string_view name, std::string_view& rest) {
  EmbeddedFile file{.name = std::string(name), .bytes = {}, .origin = "uuencode"};
  const size_t end = std::min(rest.find("===="), rest.size());
  file.bytes = DecodeBase64(rest.substr(0, end));
  if (file.bytes.empty()) return std::nullopt;
  rest.remove_prefix(std::min(end + 4, rest.size()));
  return file;
}

std::optional<EmbeddedFile> TakeYenc(std::string_view begin, std::string_view& rest) {
  const size_t at = begin.find(" name=");
  if (at == std::string_view::npos) return std::nullopt;
  EmbeddedFile file{
      .name = std::string(TrimRight(begin.substr(at + 6))), .bytes = {}, .origin = "yenc"};
  std::string_view ahead = rest;
  while (!ahead.empty()) {
    const std::string_view line = TakeLine(ahead);
    if (line.starts_with("=yend")) break;
    if (line.starts_with("=ypart ")) continue;
    for (size_t i = 0; i < line.size(); ++i) {
      const bool escaped = line[i] == '=' && i + 1 < line.size();
      if (escaped) ++i;
      file.bytes +=
          static_cast<char>(static_cast<unsigned char>(line[i]) - 42 - (escaped ? 64 : 0));
    }
  }
  if (file.bytes.empty()) return std::nullopt;
  rest = ahead;
  return file;
}

}  // namespace

std::vector<EmbeddedFile> FindEmbeddedFiles(std::string_view text, size_t most) {
  std::vector<EmbeddedFile> files;
  while (!text.empty() && files.size() < most) {
    const std::string_view line = TakeLine(text);
    std::optional<EmbeddedFile> file;
    if (const auto name = BeginName(line, "begin-base64")) {
      file = TakeBase64(*name, text);
    } else if (const auto name = BeginName(line, "begin")) {
      file = TakeUu(*name, text);
    } else if (line.starts_with("=ybegin ")) {
      file = TakeYenc(line, text);
    }
    if (file) files.push_back(*std::move(file));
  }
  return files;
}

}  // namespace cleanmail::mail::mime
