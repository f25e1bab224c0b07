#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace cleanmail::cli {

// All of a file, `-` is standard input. NotFound names the file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace cleanmail::cli
