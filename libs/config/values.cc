#include "libs/config/values.h"

#include <charconv>
#include <optional>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t value;
};

// In microseconds, largest first.
constexpr Unit kTimeUnits[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000},
                               {"s", 1'000'000},      {"ms", 1000},         {"us", 1}};

constexpr Unit kSizeUnits[] = {{"", 1},
                               {"B", 1},
                               {"kB", 1000},
                               {"KB", 1000},
                               {"MB", 1'000'000},
                               {"GB", 1'000'000'000},
                               {"TB", 1'000'000'000'000},
                               {"KiB", 1 << 10},
                               {"MiB", 1 << 20},
                               {"GiB", 1 << 30},
                               {"TiB", int64_t{1} << 40}};

// A number at the beginning of `text`, which is then cut off it.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return absl::InvalidArgumentError(
        base::Cat(why, "; a duration is written like 5s, 1m30s, 192h or 250ms"));
  };
  if (text.empty()) return wrong("is empty");
  int64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const std::optional<int64_t> number = TakeNumber(text);
    if (!number.has_value()) return wrong("is not a duration");
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    if (name.empty()) return wrong("has no unit");
    while (next_unit < std::size(kTimeUnits) && kTimeUnits[next_unit].name != name) ++next_unit;
    if (next_unit == std::size(kTimeUnits)) return wrong("is not a duration");
    int64_t part = 0;
    if (__builtin_mul_overflow(*number, kTimeUnits[next_unit].value, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return wrong("is too long");
    }
    ++next_unit;
    text.remove_prefix(name.size());
  }
  return absl::Microseconds(total);
}

std::string DurationText(absl::Duration duration) {
  int64_t left = absl::ToInt64Microseconds(duration);
  std::string text;
  for (const Unit& unit : kTimeUnits) {
    if (unit.name == "d") continue;  // hours are said in hours
    if (left / unit.value != 0) text += base::Cat(left / unit.value, unit.name);
    left %= unit.value;
  }
  return text.empty() ? "0s" : text;
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return absl::InvalidArgumentError("is too large");
  if (error != std::errc() || end != text.data() + text.size())
    return absl::InvalidArgumentError("is not a whole number");
  return number;
}

absl::StatusOr<int64_t> ParseSize(std::string_view text) {
  const std::optional<int64_t> number = TakeNumber(text);
  while (text.starts_with(' ')) text.remove_prefix(1);
  for (const Unit& unit : kSizeUnits) {
    if (!number.has_value() || unit.name != text) continue;
    int64_t bytes = 0;
    if (__builtin_mul_overflow(*number, unit.value, &bytes))
      return absl::InvalidArgumentError("is too large");
    return bytes;
  }
  return absl::InvalidArgumentError("is not a size; one is written like 52428800, 50MiB or 10 MB");
}

}  // namespace cleanmail::config
