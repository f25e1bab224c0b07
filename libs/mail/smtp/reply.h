#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::mail::smtp {

// What a server answers (RFC 5321 §4.2), with an enhanced code where there is one (RFC 2034).
struct Reply {
  int code = 0;          // 200 to 599
  std::string enhanced;  // "2.1.0", empty without
  std::string text;      // without codes; lines of a longer reply are parted by '\n'

  bool positive() const { return code >= 200 && code < 400; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500; }

  friend bool operator==(const Reply&, const Reply&) = default;
};

// The bytes to send: each line with code and enhanced code, ended by CRLF. Control characters in
// the text become '?', so that nothing in it can end a line early; bytes above ASCII too. Lines are
// cut at 500 octets.
std::string Format(const Reply& reply);

// The reply on one line for logs and notices: `550 5.1.1 No such user`. Control characters become
// '?'; lines are joined by a space.
std::string ToText(const Reply& reply);

// Reads the replies of a server from a stream of bytes that may come in any pieces. Hostile: a
// reply has at most 100 lines of 2048 octets. Lines may end in a bare LF. Not thread-safe.
class ReplyReader {
 public:
  // Takes from the front of `bytes` until one reply is complete (`bytes` then begins with what
  // follows it) or all are taken (then nullopt). InvalidArgument when the bytes are no reply or
  // over the limits; the reader is of no use then.
  absl::StatusOr<std::optional<Reply>> Read(std::string_view& bytes);

  // Whether part of a reply is held.
  bool in_reply() const { return !line_.empty() || lines_ > 0; }
  void Clear();

 private:
  absl::StatusOr<bool> TakeLine(std::string_view line);

  std::string line_;  // a line not yet complete
  Reply reply_;
  int lines_ = 0;
};

// The replies this gateway gives, in one place. Texts say what to do where the client can do
// something.
namespace replies {

Reply Greeting(std::string_view host_name);
Reply Closing();
Reply Ok();
Reply SenderOk();
Reply RecipientOk();
Reply SendData();
Reply ChunkOk(int64_t bytes);
Reply Queued(std::string_view ids);
Reply Reset();
Reply Help();
Reply CannotVerify();
Reply ReadyForTls();
Reply UnknownCommand();
Reply NotImplemented();
Reply BadLine();
Reply LineTooLong();
Reply BadSequence(std::string_view why);
Reply BadArguments(std::string_view why);
Reply UnknownParameter();
Reply BadSender(std::string_view why);
Reply BadRecipient(std::string_view why);
Reply NonAsciiNeedsSmtpUtf8();
Reply TlsFirst();
Reply TooManyErrors();
Reply TooManyRecipients();
Reply TooManyMessages();
Reply MessageTooBig(int64_t limit);
Reply HeaderTooBig();
Reply MessageLineTooLong();
Reply BadLineEnds();
Reply NoValidRecipients();
Reply ImproperPipelining();
Reply ShuttingDown(std::string_view host_name);
Reply Timeout(std::string_view host_name);
Reply TryLater();

}  // namespace replies

}  // namespace cleanmail::mail::smtp
