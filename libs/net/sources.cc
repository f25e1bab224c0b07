#include "libs/net/sources.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/net/prefix.h"

namespace cleanmail::net {
namespace {

// FNV-1a: the same in every process and after every start.
uint64_t HashOf(const IpAddress& address) {
  uint64_t hash = 14695981039346656037U;
  for (const uint8_t byte : address.bytes()) hash = (hash ^ byte) * 1099511628211U;
  return hash;
}

}  // namespace

absl::StatusOr<Sources> Sources::Create(std::span<const std::string> addresses,
                                        std::span<const std::string> published) {
  absl::StatusOr<PrefixSet> networks = PrefixSet::Parse(published);
  if (!networks.ok()) return base::Annotate(networks.status(), "source_ranges");
  Sources sources;
  for (const std::string& text : addresses) {
    const absl::StatusOr<IpAddress> address = IpAddress::Parse(text);
    if (!address.ok()) return base::Annotate(address.status(), "source_addresses");
    if (!networks->Contains(*address)) {
      return absl::InvalidArgumentError(base::Cat(
          "source_addresses: ", text, " lies in none of source_ranges; add its network there"));
    }
    (address->is_v4() ? sources.v4_ : sources.v6_).push_back(*address);
  }
  return sources;
}

absl::StatusOr<std::optional<IpAddress>> Sources::For(const IpAddress& destination) const {
  if (v4_.empty() && v6_.empty()) return std::nullopt;
  const std::vector<IpAddress>& family = destination.is_v4() ? v4_ : v6_;
  if (family.empty()) {
    return absl::UnavailableError(
        base::Cat("no source address for ", destination.is_v4() ? "IPv4" : "IPv6"));
  }
  return family[HashOf(destination) % family.size()];
}

}  // namespace cleanmail::net
