#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/app/process_environment.h"

namespace cleanmail::app {

// The environment of a gateway over one data folder: the spool holds events and bodies, SQLite the
// rows. Errors say which part, where and what to do. Destroying it closes the stores.
absl::StatusOr<std::unique_ptr<ProcessEnvironment>> OpenStandalone(const config::Document& document,
                                                                   const v1::AppConfig& settings);

}  // namespace cleanmail::app
