#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/net/address.h"
#include "proto/cleanmail/egress/v1/config.pb.h"

namespace cleanmail::egress {

// The addresses of this machine that connections to destinations come from. Immutable.
class Sources {
 public:
  // None: the system chooses.
  Sources() = default;
  // InvalidArgument names the setting: an address or network that is none, an address outside all
  // the networks that are published.
  static absl::StatusOr<Sources> Create(const v1::EgressConfig& settings);

  // The address to connect to `destination` from, always the same for the same one; nullopt: the
  // system chooses. Unavailable: there are sources, but none of its family.
  absl::StatusOr<std::optional<net::IpAddress>> For(const net::IpAddress& destination) const;

 private:
  std::vector<net::IpAddress> v4_;
  std::vector<net::IpAddress> v6_;
};

}  // namespace cleanmail::egress
