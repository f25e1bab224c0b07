#include "services/ingress/door/tarpit.h"

#include <algorithm>

namespace cleanmail::ingress {

absl::Duration Tarpit::DelayAfter(int errors, const net::IpAddress& client) const {
  constexpr int kMostDoublings = 20;
  if (errors <= options_.free_errors || options_.pass_networks.Contains(client))
    return absl::ZeroDuration();
  const int doublings = std::min(errors - options_.free_errors - 1, kMostDoublings);
  return std::min(options_.first * (1 << doublings), options_.longest);
}

Tarpit::Place Tarpit::Enter() {
  if (held_.fetch_add(1) < options_.sessions) return Place(&held_);
  held_.fetch_sub(1);
  return {};
}

}  // namespace cleanmail::ingress
