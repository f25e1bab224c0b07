#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::ingress {

// What our Received line says (RFC 5321 §4.4).
struct ReceivedFacts {
  std::string helo;            // hostile
  std::string client_address;  // without brackets
  std::string host_name;       // ours
  std::string tenant;
  std::string protocol;   // ESMTPS, UTF8SMTP …
  std::string id;         // of the message
  std::string tls;        // version and cipher, empty without TLS
  std::string recipient;  // empty: several, none is named
  absl::Time time;
};

// The whole field with its line end.
std::string MakeReceived(const ReceivedFacts& facts);

// What marks our Received lines for one tenant: a hash of its id, since ids are no business of the
// mail's readers. A sender who puts it into a message of his own only makes that message look as if
// it looped.
std::string TenantMark(std::string_view tenant);

// How many Received lines bear the mark.
int CountOwnHops(const mail::mime::HeaderBlock& header, std::string_view mark);

}  // namespace cleanmail::ingress
