#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::mail::smtp {

// What a client can ask (RFC 5321 §4.1.1, RFC 3030, RFC 3207).
enum class Verb {
  kHelo,
  kEhlo,
  kMail,
  kRcpt,
  kData,
  kBdat,
  kReset,
  kVerify,
  kExpand,
  kHelp,
  kNoop,
  kQuit,
  kStartTls,
  kNotImplemented,  // a verb of SMTP or an extension that we know and do not offer
  kForeign,         // another protocol is being spoken to this port
  kUnknown,
};

struct Command {
  Verb verb = Verb::kUnknown;
  std::string_view arguments;  // what follows the verb, white space around it removed
};

// Whether a line (without its CRLF) is free of control characters, tabs excepted.
bool IsCleanLine(std::string_view line);

// Cuts a line (without its CRLF) into verb and arguments. `MAIL FROM:` and `RCPT TO:` lose these
// words: the arguments begin with the path. InvalidArgument with the syntax in words where these
// are missing.
absl::StatusOr<Command> ParseCommand(std::string_view line);

struct MailParameters {
  int64_t size = -1;       // SIZE= (RFC 1870), -1 without
  bool eight_bit = false;  // BODY=8BITMIME (RFC 6152)
  bool smtp_utf8 = false;  // RFC 6531
  // RFC 3461 §4.3, §4.4; empty without.
  std::string dsn_return = {};   // RET: "FULL" or "HDRS"
  std::string envelope_id = {};  // ENVID, its xtext decoded: printable ASCII, hostile
};

// The parameters of MAIL; RET and ENVID only where `dsn` is offered. Unimplemented for one we do
// not know (555), InvalidArgument for a malformed or doubled one (501).
absl::StatusOr<MailParameters> ParseMailParameters(std::string_view text, bool dsn = false);

struct ChunkParameters {
  int64_t size = 0;
  bool last = false;
};

// The arguments of BDAT (RFC 3030 §2). InvalidArgument.
absl::StatusOr<ChunkParameters> ParseChunkParameters(std::string_view text);

}  // namespace cleanmail::mail::smtp
