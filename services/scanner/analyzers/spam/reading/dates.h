#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cleanmail::scanner::spam {

// Seconds since 1970 of a date as mail has it (RFC 5322 §3.3, asctime, and worse). Values out of
// range are drawn in; years before 1970 and behind 2037 too. nullopt without day, month and year.
std::optional<int64_t> ReadMailDate(std::string_view text);

// The part of a Received line that looks like a date: " 1 Jan 2026 10:00:00 +0000"; empty without.
std::string_view DateInReceived(std::string_view line);

}  // namespace cleanmail::scanner::spam
