#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/mail/smtp/reply.h"

namespace cleanmail::mail::report::dsn {

// RFC 3464 §2.3.3.
enum class Action { kFailed, kDelayed };

// What became of one recipient.
struct FailedRecipient {
  std::string address;          // as in the envelope
  Action action = Action::kFailed;
  smtp::Reply reply;            // the last one; its enhanced code becomes Status, else one of its class
  std::string remote_host = {};  // who gave it; empty when we did
};

// All that a notice says. Texts may be hostile: nothing in them can add a field, a part or a terminal's escape.
struct NoticeFacts {
  std::string host_name;        // ours: Reporting-MTA, From, Message-ID
  std::string id;               // unique, of this notice: Message-ID and boundary
  std::string to;               // the original sender: who is written to
  std::string message_id = {};  // ours of the original message, as in the 250 reply and the logs; empty: left out
  absl::Time arrived;
  absl::Time now;
  std::vector<FailedRecipient> recipients;
  std::string_view original;  // the original message; only its header is sent back
  size_t header_limit = 64 * 1024;  // more of the header than this is cut at the end of a field
};

// A delivery status notification (RFC 3461, RFC 3464) as multipart/report (RFC 6522): words for people, message/delivery-status,
// text/rfc822-headers (message/global* of RFC 6533 where an address is not ASCII). To be sent from the null sender `<>`, and
// with SMTPUTF8 if NeedsSmtpUtf8 says so. The caller sees to it that there is somebody to write to.
std::string WriteNotice(const NoticeFacts& facts);

// Whether the notice holds addresses that are not ASCII.
bool NeedsSmtpUtf8(const NoticeFacts& facts);

}  // namespace cleanmail::mail::report::dsn
