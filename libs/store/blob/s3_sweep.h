#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/store/blob/s3_client.h"

namespace cleanmail::blob {

struct S3SweepLimits {
  int64_t now_us;
  int64_t cutoff_us;  // bodies made before are over, unless an extension says otherwise
  int64_t most;       // bodies deleted
};

// Deletes bodies that are over with what is noted of them, extensions that are over, and uploads
// nobody has touched for a day; returns how many bodies. Looks only at days that may hold such
// bodies.
absl::StatusOr<int64_t> S3Sweep(S3Client& client, S3SweepLimits limits);

}  // namespace cleanmail::blob
