#include "services/egress/queue/gate.h"

#include <algorithm>

#include "libs/base/cat.h"

namespace cleanmail::egress {
namespace {

constexpr int kFirstConnections = 2;
constexpr int kMostDoublings = 20;

}  // namespace

std::optional<directory::DomainFacts> Gate::OwnDomain(std::string_view tenant,
                                                      std::string_view destination) const {
  auto domain = directory_.FindDomain(destination);
  if (domain.has_value() && !domain->alias_of.empty())
    domain = directory_.FindDomain(domain->alias_of);
  return domain.has_value() && domain->tenant == tenant ? domain : std::nullopt;
}

bool Gate::IsOff(std::string_view tenant, std::string_view destination) const {
  const auto domain = OwnDomain(tenant, destination);
  return domain.has_value() && domain->delivery_off;
}

absl::Duration Gate::LifeOf(std::string_view tenant, std::string_view destination) const {
  const auto domain = OwnDomain(tenant, destination);
  return domain.has_value() ? domain->queue_life.value_or(options_.expire_after)
                            : options_.expire_after;
}

void Gate::Reopened(std::string_view tenant, std::string_view destination) {
  reopened_[base::Cat(tenant, "/", destination)] = clock_.Now();
}

int Gate::ConnectionsTo(std::string_view tenant, std::string_view destination) {
  if (reopened_.empty()) return options_.connections_per_destination;
  const auto found = reopened_.find(base::Cat(tenant, "/", destination));
  if (found == reopened_.end()) return options_.connections_per_destination;
  const double ramps = absl::FDivDuration(clock_.Now() - found->second, options_.ramp);
  const int doublings = static_cast<int>(std::clamp<double>(ramps, 0, kMostDoublings));
  const int allowed = kFirstConnections << doublings;
  if (allowed < options_.connections_per_destination) return allowed;
  reopened_.erase(found);
  return options_.connections_per_destination;
}

}  // namespace cleanmail::egress
