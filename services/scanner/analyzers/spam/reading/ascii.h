#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Text as bytes, with ASCII's letters, digits and white space: what rules are written for.

namespace cleanmail::scanner::spam {

constexpr bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool IsWord(char c) { return IsDigit(c) || IsLetter(c) || c == '_'; }
constexpr char LowerOf(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string Lower(std::string_view text);
std::string_view TrimLeft(std::string_view text);
std::string_view TrimRight(std::string_view text);
std::string_view Trim(std::string_view text);
constexpr bool SameLetters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerOf(a[i]) != LowerOf(b[i])) return false;
  }
  return true;
}
constexpr bool BeginsWith(std::string_view text, std::string_view prefix) {  // in any case
  return text.size() >= prefix.size() && SameLetters(text.substr(0, prefix.size()), prefix);
}
constexpr bool EndsWith(std::string_view text, std::string_view suffix) {  // in any case
  return text.size() >= suffix.size() &&
         SameLetters(text.substr(text.size() - suffix.size()), suffix);
}
size_t FindLetters(std::string_view text, std::string_view what, size_t from = 0);  // in any case
bool HasLetters(std::string_view text, std::string_view what);                      // in any case
bool IsAscii(std::string_view text);

// What stands between white space.
std::vector<std::string_view> Words(std::string_view text);
// What stands between `separator`; empty pieces too.
std::vector<std::string_view> Pieces(std::string_view text, char separator);
// Lines with their line end.
std::vector<std::string_view> Lines(std::string_view text);

std::string Replaced(std::string text, std::string_view what, std::string_view with);
// White space in a row becomes one blank.
std::string Squeezed(std::string_view text);
void AppendSqueezed(std::string_view text, std::string& out);

// All of `text` as a number; nullopt when it is none.
std::optional<double> NumberOf(std::string_view text);

}  // namespace cleanmail::scanner::spam
