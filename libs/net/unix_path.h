#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::net {

// The path in `unix:/path`; nullopt for any other address.
std::optional<std::string_view> UnixPath(std::string_view address);

// A listening socket at `path`, of permissions `mode`. One that a process left behind is replaced.
// InvalidArgument: no path for a socket. Unavailable: in use, or not ours to make.
absl::StatusOr<int> ListenAtPath(std::string_view path, int mode, int backlog);

}  // namespace cleanmail::net
