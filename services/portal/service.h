#pragma once

#include "absl/status/statusor.h"
#include "libs/app/environment.h"
#include "libs/app/service.h"

namespace cleanmail::portal {

// The recipe of this room; see README.md.
absl::StatusOr<app::Service> MakeService(app::Environment& env);

}  // namespace cleanmail::portal
