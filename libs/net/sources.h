#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/net/address.h"

namespace cleanmail::net {

// The addresses of this machine that connections to mail servers come from. Immutable.
class Sources {
 public:
  // None: the system chooses.
  Sources() = default;
  // InvalidArgument: an address or network (CIDR) that is none, an address outside all `published`
  // networks.
  static absl::StatusOr<Sources> Create(std::span<const std::string> addresses,
                                        std::span<const std::string> published);

  // The address to connect to `destination` from, always the same for the same one; nullopt: the
  // system chooses. Unavailable: there are sources, but none of its family.
  absl::StatusOr<std::optional<IpAddress>> For(const IpAddress& destination) const;

 private:
  std::vector<IpAddress> v4_;
  std::vector<IpAddress> v6_;
};

}  // namespace cleanmail::net
