#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/net/address.h"

namespace cleanmail::net {

// What a PROXY protocol header says.
struct ProxyHeader {
  size_t length = 0;  // octets of the header; the connection's own bytes follow
  // Who really connected, and to where. nullopt: LOCAL or UNKNOWN, the proxy speaks for itself.
  struct Ends {
    Endpoint source;
    Endpoint destination;
  };
  std::optional<Ends> ends = {};
};

// Octets a header of either version may have here.
inline constexpr size_t kLongestProxyHeader = 4096;

// Parses a version 1 or 2 header (haproxy's "The PROXY protocol", 2020) at the beginning of
// `bytes`. nullopt: more bytes are needed. InvalidArgument: it is not one, or longer than
// kLongestProxyHeader. Pure.
absl::StatusOr<std::optional<ProxyHeader>> ParseProxyHeader(std::string_view bytes);

}  // namespace cleanmail::net
