#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::net {

// A server by name or address, and its port: what people write in routes.
struct HostPort {
  std::string host;  // a name in lower case or an address without brackets
  uint16_t port = 0;
  bool is_address = false;
};

// `host`, `host:port`, `192.0.2.1:25`, `[2001:db8::1]`, `[2001:db8::1]:25`. InvalidArgument names
// the text.
absl::StatusOr<HostPort> ParseHostPort(std::string_view text, uint16_t default_port);

}  // namespace cleanmail::net
