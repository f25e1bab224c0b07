#pragma once

#include <optional>
#include <span>
#include <string_view>

// Small signs in texts of a message. Pure; every one takes time linear in the text.
namespace cleanmail::scanner {

// In capitals mostly, or with several exclamation marks in a row.
bool Shouts(std::string_view utf8);

// A text that goes on behind a gap no person leaves: "Lowest rates!            xkwq".
bool IsPadded(std::string_view subject);

// Small pictures among letters: emoji, dingbats.
bool HasPictures(std::string_view utf8);

// Bytes beyond ASCII that are no UTF-8.
bool HasRawBytes(std::string_view text);

// What stands before an at sign, when no person and no office calls itself so: "le8vuij0j06814".
bool IsRandomName(std::string_view local_part);

// The first sum of money of 100,000 or more, as written.
std::optional<std::string_view> LargeSum(std::string_view text);

// Whether the folded words of a text's beginning greet a reader whose name the writer does not
// know: "dear customer".
bool GreetsNobody(std::span<const std::string_view> words);

}  // namespace cleanmail::scanner
