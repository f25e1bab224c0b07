#include "services/cli/mailbox_file.h"

#include <algorithm>

namespace cleanmail::cli {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `From ann@example.org Thu Jan  1 00:00:00 2026`: four digits at the end, a colon before.
bool IsSeparator(std::string_view line) {
  if (!line.starts_with("From ")) return false;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  // A zone may follow the year.
  const size_t colon = line.rfind(':');
  if (colon == line.npos) return false;
  int digits = 0;
  for (const char c : line.substr(colon + 3 < line.size() ? colon + 3 : line.size())) {
    digits = IsDigit(c) ? digits + 1 : 0;
    if (digits == 4) return true;
  }
  return false;
}

size_t EndOfLine(std::string_view text, size_t at) {
  const size_t end = text.find('\n', at);
  return end == text.npos ? text.size() : end + 1;
}

std::string_view LineAt(std::string_view text, size_t at) {
  std::string_view line = text.substr(at, EndOfLine(text, at) - at);
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::vector<std::string_view> MailsIn(std::string_view bytes) {
  if (!IsSeparator(LineAt(bytes, 0)))
    return bytes.empty() ? std::vector<std::string_view>{} : std::vector{bytes};
  std::vector<std::string_view> mails;
  size_t begin = EndOfLine(bytes, 0);
  const auto add = [&](size_t end) {
    const std::string_view mail = bytes.substr(begin, end - begin);
    if (mail.find_first_not_of("\r\n") != mail.npos) mails.push_back(mail);
  };
  bool blank = false;
  for (size_t at = begin; at < bytes.size(); at = EndOfLine(bytes, at)) {
    const std::string_view line = LineAt(bytes, at);
    if (blank && IsSeparator(line)) {
      add(at);
      begin = EndOfLine(bytes, at);
    }
    blank = line.empty() || line == "\r";
  }
  add(bytes.size());
  return mails;
}

}  // namespace cleanmail::cli
