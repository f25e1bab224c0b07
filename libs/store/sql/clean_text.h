#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::sql {

// `text` as every engine can keep it: NUL and bytes that are not UTF-8 become U+FFFD. nullopt: it
// is so already. Mail may bring anything into a subject, and one such row must not stop its batch.
std::optional<std::string> CleanText(std::string_view text);

}  // namespace cleanmail::sql
