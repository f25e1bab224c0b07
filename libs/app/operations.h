#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/http/server.h"

namespace cleanmail::app {

// What the operations port tells.
struct OperationsSources {
  std::function<absl::Status()> ready;
  std::function<std::vector<std::string>()> warnings;
  std::function<std::string()> settings;  // secrets masked
  std::function<std::string()> metrics;   // empty until there are some
};

// /livez /readyz /metrics /configz. The sources are asked on the port's own thread and must outlive
// it.
absl::StatusOr<std::unique_ptr<http::Server>> OpenOperations(const std::string& address,
                                                             OperationsSources sources);

}  // namespace cleanmail::app
