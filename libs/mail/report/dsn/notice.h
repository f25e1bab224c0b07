#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace cleanmail::mail::report::dsn {

// What is told of a recipient (RFC 3464 §2.3.3).
enum class Action {
  kFailed,
  kDelayed,  // still being tried
  kRelayed,  // handed to a server that gives no notices (RFC 3461 §5.2.2)
};

// What became of one recipient (RFC 3464 §2.3).
struct Recipient {
  Action action = Action::kFailed;
  std::string address;
  std::string status;  // enhanced code, "5.1.1"; "5.0.0" or "4.0.0" where the server gave none
  std::string diagnostic = {};  // the server's words on one line; hostile
  std::string remote = {};      // name of the server that said so, empty where none did
  std::string original = {};    // ORCPT as the sender gave it, "rfc822;bob@example.org"; hostile
};

// What a notice tells.
struct Notice {
  std::string reporting_host;  // ours
  std::string to;              // the original sender
  absl::Time arrived;          // when the message had come to us
  absl::Time now;
  absl::Time retry_until = absl::InfiniteFuture();  // for those delayed
  std::string id;                // unique, for Message-ID and boundary: letters, digits, hyphens
  std::string envelope_id = {};  // ENVID as the sender gave it; hostile
  std::vector<Recipient> recipients;  // at least one
  // The message or the beginning of it, with its header.
  std::string original;
  // `original` is all of it, to be returned where a recipient failed (RET=FULL, RFC 3461 §4.3);
  // otherwise only its header is quoted.
  bool return_all = false;
  bool smtp_utf8 = false;  // the message was sent with SMTPUTF8
};

// The notice as a mail, CRLF: multipart/report with a text for people, the delivery status and the
// message or its header (RFC 6522). Nothing hostile can end a line, a header or a part early.
// ASCII, but for a message returned whole. It is to be sent with the null sender.
std::string MakeNotice(const Notice& notice);

}  // namespace cleanmail::mail::report::dsn
