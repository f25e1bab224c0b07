#include "services/scanner/analyzers/spam/reading/ascii.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace cleanmail::scanner::spam {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerOf(c);
  return lower;
}

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view Trim(std::string_view text) { return TrimLeft(TrimRight(text)); }

size_t FindLetters(std::string_view text, std::string_view what, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const auto at = std::search(text.begin() + static_cast<ptrdiff_t>(from), text.end(), what.begin(),
                              what.end(), [](char x, char y) { return LowerOf(x) == LowerOf(y); });
  return at == text.end() && !what.empty() ? std::string_view::npos
                                           : static_cast<size_t>(at - text.begin());
}

bool HasLetters(std::string_view text, std::string_view what) {
  return FindLetters(text, what) != std::string_view::npos;
}

bool IsAscii(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t at = 0;
  for (uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & kHighBits) != 0) return false;
  }
  return std::all_of(text.begin() + static_cast<ptrdiff_t>(at), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && IsBlank(text[at])) ++at;
    const size_t begin = at;
    while (at < text.size() && !IsBlank(text[at])) ++at;
    if (at > begin) words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

std::vector<std::string_view> Pieces(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const size_t length = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  size_t at = text.find(what);
  if (at == std::string::npos) return text;
  std::string out;
  out.reserve(text.size());
  size_t from = 0;
  for (; at != std::string::npos; at = text.find(what, from)) {
    out.append(text, from, at - from).append(with);
    from = at + what.size();
  }
  return out.append(text, from);
}

std::string Squeezed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendSqueezed(text, out);
  return out;
}

void AppendSqueezed(std::string_view text, std::string& out) {
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    while (at < text.size() && !IsBlank(text[at])) ++at;
    out += text.substr(begin, at - begin);
    if (at < text.size()) out += ' ';
    while (at < text.size() && IsBlank(text[at])) ++at;
  }
}

std::optional<double> NumberOf(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace cleanmail::scanner::spam
