#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace cleanmail::mail::report::dsn {

// What became of one recipient (RFC 3464 §2.3).
struct Recipient {
  std::string address;
  std::string status;      // enhanced code, "5.1.1"; "5.0.0" or "4.0.0" where the server gave none
  std::string diagnostic;  // the server's words on one line; hostile
  std::string remote;      // name of the server that said so, empty where none did
};

// What a notice of failure tells.
struct Failure {
  std::string reporting_host;  // ours
  std::string to;              // the original sender
  std::string subject = {};    // unused where empty
  absl::Time arrived;          // when the message had come to us
  absl::Time now;
  std::string id;  // unique, for Message-ID and boundary: letters, digits, hyphens
  std::vector<Recipient> recipients;  // at least one
  std::string
      original_headers;  // header block of the message, quoted as text/rfc822-headers (RFC 6522 §4)
};

// The notice as a mail, CRLF: multipart/report with a text for people, the delivery status and the
// original headers, never the original content. Nothing hostile can end a line, a header or a part
// early. It is to be sent with the null sender.
std::string MakeFailureNotice(const Failure& failure);

}  // namespace cleanmail::mail::report::dsn
