#include "libs/app/destinations.h"

#include <string>
#include <vector>

#include "libs/base/cat.h"

namespace cleanmail::app {

absl::StatusOr<net::DestinationPolicy> ToDestinationPolicy(const v1::Destinations& settings) {
  const std::vector<std::string> forbidden(settings.forbidden_networks().begin(),
                                           settings.forbidden_networks().end());
  const std::vector<std::string> allowed(settings.allowed_networks().begin(),
                                         settings.allowed_networks().end());
  absl::StatusOr<net::DestinationPolicy> policy =
      net::DestinationPolicy::Create({.allow_loopback = settings.allow_loopback(),
                                      .forbidden_networks = forbidden,
                                      .allowed_networks = allowed});
  if (policy.ok()) return policy;
  return absl::InvalidArgumentError(base::Cat("app.destinations: ", policy.status().message()));
}

absl::StatusOr<net::Sources> ToSources(const v1::Destinations& settings) {
  const std::vector<std::string> addresses(settings.source_addresses().begin(),
                                           settings.source_addresses().end());
  std::vector<std::string> published;
  for (const v1::SourceRange& range : settings.source_ranges())
    published.push_back(range.network());
  absl::StatusOr<net::Sources> sources = net::Sources::Create(addresses, published);
  if (sources.ok()) return sources;
  return absl::InvalidArgumentError(base::Cat("app.destinations.", sources.status().message()));
}

}  // namespace cleanmail::app
