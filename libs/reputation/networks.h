#pragma once

#include "libs/net/address.h"

namespace cleanmail::reputation {

// The network of a client, for what is remembered of it: IPv4 /24, IPv6 /64.
inline net::IpAddress NetworkOf(const net::IpAddress& client) {
  constexpr int kMappedBits = 96;  // before an IPv4 address in its IPv6 form
  return client.Masked(client.is_v4() ? kMappedBits + 24 : 64);
}

}  // namespace cleanmail::reputation
