#pragma once

#include <sys/socket.h>

#include "libs/net/address.h"

// Private to libs/net: our endpoints as the kernel's.
namespace cleanmail::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// `mapped`: an IPv4 address for an IPv6 socket.
SocketAddress ToSocketAddress(const Endpoint& endpoint, bool mapped);
Endpoint FromSocketAddress(const SocketAddress& address);
// This end of a connected or bound socket.
Endpoint LocalEndpoint(int socket);

}  // namespace cleanmail::net
