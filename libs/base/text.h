#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cleanmail::base {

// `text` safe for one line of a log, a header or a terminal: control characters, DEL, backslash and
// bytes that are not valid UTF-8 become \n, \r, \t, \\ or \xNN; at most `limit` bytes of input are
// taken, "…" marks a cut.
std::string Printable(std::string_view text, size_t limit = 1000);

// The candidate nearest to `word` by edit distance, empty when none is within a third of its length
// (at least 2): "did you mean".
std::string_view Nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace cleanmail::base
