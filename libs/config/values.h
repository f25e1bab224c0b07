#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Private to libs/config: values that are more than YAML knows.
namespace cleanmail::config {

// `5s`, `1m30s`, `192h`, `8d`, `250ms`: whole numbers with units d, h, m, s, ms, us, largest first.
// InvalidArgument says what would be right.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
// The same way back: `1h30m`, `0s`.
std::string DurationText(absl::Duration duration);

// `52428800`, `50MiB`, `10 MB`, `1 GiB`.
absl::StatusOr<int64_t> ParseSize(std::string_view text);

// A decimal whole number, whole text.
absl::StatusOr<int64_t> ParseInteger(std::string_view text);

}  // namespace cleanmail::config
