#include "libs/mail/smtp/command.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/smtp/notification.h"

namespace cleanmail::mail::smtp {
namespace {

struct VerbName {
  std::string_view name;
  Verb verb;
};

constexpr VerbName kVerbs[] = {
    {"HELO", Verb::kHelo},
    {"EHLO", Verb::kEhlo},
    {"MAIL", Verb::kMail},
    {"RCPT", Verb::kRcpt},
    {"DATA", Verb::kData},
    {"BDAT", Verb::kBdat},
    {"RSET", Verb::kReset},
    {"VRFY", Verb::kVerify},
    {"EXPN", Verb::kExpand},
    {"HELP", Verb::kHelp},
    {"NOOP", Verb::kNoop},
    {"QUIT", Verb::kQuit},
    {"STARTTLS", Verb::kStartTls},
    {"AUTH", Verb::kNotImplemented},
    {"ETRN", Verb::kNotImplemented},
    {"TURN", Verb::kNotImplemented},
    {"ATRN", Verb::kNotImplemented},
    {"SEND", Verb::kNotImplemented},
    {"SOML", Verb::kNotImplemented},
    {"SAML", Verb::kNotImplemented},
    {"BURL", Verb::kNotImplemented},
    // Browsers can be made to send requests to any port; the lines of their bodies must not become
    // commands.
    {"GET", Verb::kForeign},
    {"POST", Verb::kForeign},
    {"PUT", Verb::kForeign},
    {"HEAD", Verb::kForeign},
    {"OPTIONS", Verb::kForeign},
    {"CONNECT", Verb::kForeign},
    {"DELETE", Verb::kForeign},
    {"PATCH", Verb::kForeign},
    {"TRACE", Verb::kForeign},
};

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// The next word of `text`, taken off its front; empty at the end.
std::string_view TakeWord(std::string_view& text) {
  text = Trim(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

// Removes `FROM:` or `TO:`; spaces after the colon are not allowed by RFC 5321 but are so common
// that they are let through.
bool TakePrefix(std::string_view& arguments, std::string_view prefix) {
  if (!Same(arguments.substr(0, prefix.size()), prefix)) return false;
  arguments = Trim(arguments.substr(prefix.size()));
  return true;
}

// Decimal digits only, no sign, at most 18 of them.
std::optional<int64_t> ParseSize(std::string_view digits) {
  int64_t value = 0;
  const bool plain =
      !digits.empty() && digits.size() <= 18 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!plain || !absl::SimpleAtoi(base::AbslView(digits), &value)) return std::nullopt;
  return value;
}

}  // namespace

bool IsCleanLine(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t';
  });
}

absl::StatusOr<Command> ParseCommand(std::string_view line) {
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  Command command{.arguments = Trim(line.substr(word.size()))};
  for (const VerbName& known : kVerbs) {
    if (Same(known.name, word)) command.verb = known.verb;
  }
  if (command.verb == Verb::kMail && !TakePrefix(command.arguments, "FROM:")) {
    return absl::InvalidArgumentError("Syntax: MAIL FROM:<address>");
  }
  if (command.verb == Verb::kRcpt && !TakePrefix(command.arguments, "TO:")) {
    return absl::InvalidArgumentError("Syntax: RCPT TO:<address>");
  }
  return command;
}

absl::StatusOr<MailParameters> ParseMailParameters(std::string_view text, bool dsn) {
  MailParameters parameters;
  bool seen_body = false;
  for (std::string_view word = TakeWord(text); !word.empty(); word = TakeWord(text)) {
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = word.substr(0, equals);
    const std::string_view value =
        equals < word.size() ? word.substr(equals + 1) : std::string_view();
    if (Same(name, "SIZE")) {
      const std::optional<int64_t> size = ParseSize(value);
      if (!size || parameters.size >= 0) return absl::InvalidArgumentError("Malformed SIZE");
      parameters.size = *size;
    } else if (Same(name, "BODY")) {
      if (seen_body || !(Same(value, "7BIT") || Same(value, "8BITMIME")))
        return absl::InvalidArgumentError("Malformed BODY");
      seen_body = true;
      parameters.eight_bit = Same(value, "8BITMIME");
    } else if (Same(name, "SMTPUTF8")) {
      if (equals < word.size() || parameters.smtp_utf8)
        return absl::InvalidArgumentError("Malformed SMTPUTF8");
      parameters.smtp_utf8 = true;
    } else if (dsn && Same(name, "RET")) {
      const bool full = Same(value, "FULL");
      if (!parameters.dsn_return.empty() || !(full || Same(value, "HDRS")))
        return absl::InvalidArgumentError("Malformed RET");
      parameters.dsn_return = full ? "FULL" : "HDRS";
    } else if (dsn && Same(name, "ENVID")) {
      if (!parameters.envelope_id.empty()) return absl::InvalidArgumentError("Malformed ENVID");
      CLEANMAIL_ASSIGN_OR_RETURN(parameters.envelope_id, DecodeEnvelopeId(value));
    } else {
      return absl::UnimplementedError("Parameter not known");
    }
  }
  return parameters;
}

absl::StatusOr<ChunkParameters> ParseChunkParameters(std::string_view text) {
  const std::optional<int64_t> size = ParseSize(TakeWord(text));
  const std::string_view last = TakeWord(text);
  if (!size || !(last.empty() || Same(last, "LAST")) || !Trim(text).empty()) {
    return absl::InvalidArgumentError("Syntax: BDAT size [LAST]");
  }
  return ChunkParameters{.size = *size, .last = !last.empty()};
}

}  // namespace cleanmail::mail::smtp
