#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/net/address.h"
#include "libs/net/prefix.h"

namespace cleanmail::net {

// Where this gateway may connect to on a tenant's word (a route, a probe): never to itself, to the
// networks it runs in, or to a port no mail server has. Asked with the address connected to, after
// a name was resolved: what a name meant when it was written down says nothing. A value;
// thread-safe once made.
class DestinationPolicy {
 public:
  struct Options {
    bool allow_loopback = false;                      // for trials on one machine
    std::span<const std::string> forbidden_networks;  // CIDR: the cluster's own
    std::span<const std::string> allowed_networks;    // CIDR: taken out of the refusals again
  };
  // Refuses loopback, link-local, unspecified, multicast and broadcast addresses.
  DestinationPolicy() = default;
  // InvalidArgument names the text that is no network.
  static absl::StatusOr<DestinationPolicy> Create(const Options& options);

  // OK, or PermissionDenied in words for the tenant.
  absl::Status Check(const Endpoint& to) const;
  // Mail's own ports (25, 465, 587, 2525) and those above 1023.
  static absl::Status CheckPort(uint16_t port);

 private:
  bool allow_loopback_ = false;
  PrefixSet forbidden_;
  PrefixSet allowed_;
};

}  // namespace cleanmail::net
