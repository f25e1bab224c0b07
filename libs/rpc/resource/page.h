#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// Pages of lists by AIP-158: a token is where the next page begins, opaque to the caller.
namespace cleanmail::rpc::resource {

inline constexpr int32_t kDefaultPageSize = 100;
inline constexpr int32_t kLargestPageSize = 1000;

// What to use for a requested page size: 0 is the default, more than the largest is the largest.
// InvalidArgument below 0.
absl::StatusOr<int32_t> PageSize(int32_t requested);

// A token that says the next page begins after `key`; the empty key makes the empty token.
std::string ToPageToken(std::string_view key);

// The key of a token, empty for the first page. InvalidArgument for a token that is not ours.
absl::StatusOr<std::string> FromPageToken(std::string_view token);

}  // namespace cleanmail::rpc::resource
