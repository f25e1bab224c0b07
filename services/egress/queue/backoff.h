#pragma once

#include "absl/time/time.h"
#include "libs/base/random.h"

namespace cleanmail::egress {

// When to try again after a deferral.
struct Backoff {
  absl::Duration first = absl::Minutes(1);
  absl::Duration longest = absl::Hours(2);

  // The wait after `attempts` attempts (from 1): doubled each time up to the longest, give or take
  // a fifth, so that what failed together does not come back together.
  absl::Duration After(int attempts, base::Random& random) const;
};

}  // namespace cleanmail::egress
