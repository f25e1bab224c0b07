#include "services/egress/queue/backoff.h"

#include <algorithm>

namespace cleanmail::egress {

absl::Duration Backoff::After(int attempts, base::Random& random) const {
  constexpr int kMostDoublings = 20;  // a minute doubled twenty times is two years
  const absl::Duration wait =
      std::min(longest, first * (1 << std::clamp(attempts - 1, 0, kMostDoublings)));
  const double jitter = 0.8 + 0.4 * static_cast<double>(random.Below(1'000'000)) / 1e6;
  return wait * jitter;
}

}  // namespace cleanmail::egress
