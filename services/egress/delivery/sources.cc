#include "services/egress/delivery/sources.h"

#include <string>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/net/prefix.h"

namespace cleanmail::egress {
namespace {

// FNV-1a: the same in every process and after every start.
uint64_t HashOf(const net::IpAddress& address) {
  uint64_t hash = 14695981039346656037U;
  for (const uint8_t byte : address.bytes()) hash = (hash ^ byte) * 1099511628211U;
  return hash;
}

}  // namespace

absl::StatusOr<Sources> Sources::Create(const v1::EgressConfig& settings) {
  std::vector<std::string> networks;
  for (const v1::SourceRange& range : settings.source_ranges()) networks.push_back(range.network());
  absl::StatusOr<net::PrefixSet> published = net::PrefixSet::Parse(networks);
  if (!published.ok()) return base::Annotate(published.status(), "egress.source_ranges");
  Sources sources;
  for (const std::string& text : settings.source_addresses()) {
    const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(text);
    if (!address.ok()) return base::Annotate(address.status(), "egress.source_addresses");
    if (!published->Contains(*address)) {
      return absl::InvalidArgumentError(
          base::Cat("egress.source_addresses: ", text,
                    " lies in none of egress.source_ranges; add its network there"));
    }
    (address->is_v4() ? sources.v4_ : sources.v6_).push_back(*address);
  }
  return sources;
}

absl::StatusOr<std::optional<net::IpAddress>> Sources::For(
    const net::IpAddress& destination) const {
  if (v4_.empty() && v6_.empty()) return std::nullopt;
  const std::vector<net::IpAddress>& family = destination.is_v4() ? v4_ : v6_;
  if (family.empty()) {
    return absl::UnavailableError(
        base::Cat("no source address for ", destination.is_v4() ? "IPv4" : "IPv6"));
  }
  return family[HashOf(destination) % family.size()];
}

}  // namespace cleanmail::egress
