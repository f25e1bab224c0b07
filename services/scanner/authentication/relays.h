#pragma once

#include <functional>
#include <string>

#include "libs/mail/mime/header_block.h"
#include "libs/net/address.h"

namespace cleanmail::scanner {

// Received fields that are looked through, from the top.
inline constexpr size_t kMostRelays = 20;

// Who handed a message to the first gateway that is trusted.
struct Handover {
  std::string client;  // IP address, text; empty: it cannot be read
  std::string helo;
};

// What a Received field of a relay says (RFC 5321 §4.4: `from helo (name [address])`); empty where
// it does not say `from`.
Handover ReadReceived(std::string_view value);

// `client` said `helo` to us. While the client is trusted, the next Received field from the
// top, which that relay wrote, says who came before.
// The field on top is our own and is passed over.
Handover FindHandover(std::string_view client, std::string_view helo,
                      const mail::mime::HeaderBlock& header,
                      const std::function<bool(const net::IpAddress&)>& is_trusted);

}  // namespace cleanmail::scanner
