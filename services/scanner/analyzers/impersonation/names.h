#pragma once

#include <set>
#include <string>
#include <string_view>

namespace cleanmail::scanner {

// The words of a person's name in a form that is the same for all that looks the same: case,
// accents, titles, single letters, zero-width characters and letters of other alphabets do not
// matter. At most 50 words.
std::set<std::string> NameWords(std::string_view name);

// Whether `shown` shows the name: has all its words, in any order, and not many more ("Muster,
// Hanna (CEO)").
bool ShowsName(const std::set<std::string>& shown, const std::set<std::string>& name);

// Text as it is compared by looks: skeleton (UTS #39), without accents, `i` as `l`.
std::string LooksOf(std::string_view text);

}  // namespace cleanmail::scanner
