#include "libs/mail/auth/text.h"

#include <algorithm>
#include <charconv>

#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::auth {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), &LowerChar);
  return lower;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerChar(x) == LowerChar(y);
         });
}

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string WithoutSpace(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return !IsSpace(c); });
  return out;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (size_t end; (end = text.find(separator)) != text.npos; text.remove_prefix(end + 1))
    pieces.push_back(text.substr(0, end));
  pieces.push_back(text);
  return pieces;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || !std::all_of(text.begin(), text.end(), &IsDigit)) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool IsWithin(std::string_view name, std::string_view domain) {
  if (name.size() == domain.size()) return EqualsIgnoreCase(name, domain);
  return name.size() > domain.size() && name[name.size() - domain.size() - 1] == '.' &&
         EqualsIgnoreCase(name.substr(name.size() - domain.size()), domain);
}

std::optional<std::string> StrictBase64(std::string_view text) {
  const std::string packed = WithoutSpace(text);
  const size_t digits = packed.find_last_not_of('=') + 1;  // npos + 1 is 0
  if (packed.size() - digits > 2 || packed.size() % 4 != 0) return std::nullopt;
  const bool clean = std::all_of(packed.begin(), packed.begin() + static_cast<long>(digits),
                                 [](char c) { return IsAlnum(c) || c == '+' || c == '/'; });
  if (!clean) return std::nullopt;
  return mime::DecodeBase64(packed);
}

}  // namespace cleanmail::mail::auth
