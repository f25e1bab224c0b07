#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::mail::auth {

// ASCII only, as the records of this folder are compared: a locale never matters.
constexpr char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return LowerChar(c) >= 'a' && LowerChar(c) <= 'z'; }
constexpr bool IsAlnum(char c) { return IsDigit(c) || IsAlpha(c); }
// Space, tab, CR, LF: what may stand between the parts of a folded field.
constexpr bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string Lower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix);
// Without white space at both ends / anywhere.
std::string_view Trim(std::string_view text);
std::string WithoutSpace(std::string_view text);
// The pieces between `separator`s, empty ones too; one piece for a text without any.
std::vector<std::string_view> Split(std::string_view text, char separator);
// A decimal number of digits only; nullopt for anything else or one that does not fit.
std::optional<uint64_t> ParseNumber(std::string_view text);

// Whether `name` is `domain` or lies below it; both without a final dot, ASCII case ignored.
bool IsWithin(std::string_view name, std::string_view domain);

// Strict base64 (RFC 4648 §4) with white space anywhere, as signatures and keys are written;
// nullopt for anything that is not.
std::optional<std::string> StrictBase64(std::string_view text);

}  // namespace cleanmail::mail::auth
