#pragma once

#include <string>
#include <string_view>

#include "libs/net/address.h"

namespace cleanmail::dns {

// The name under which `zone` tells of an address: its octets, or the digits of an IPv6 address,
// from the last to the first (RFC 5782 §2.1, §2.4; RFC 1035 §3.5 and RFC 3596 §2.5 for the zones of
// names).
std::string ListName(const net::IpAddress& address, std::string_view zone);

}  // namespace cleanmail::dns
