#include "libs/mail/smtp/reply.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::mail::smtp {
namespace {

constexpr size_t kMaxSentLine =
    500;  // RFC 5321 §4.5.3.1.5: 512 with codes and CRLF; replies have short codes
constexpr size_t kMaxReadLine = 2048;
constexpr int kMaxReadLines = 100;

char Safe(char c) { return c >= 0x20 && c < 0x7f ? c : '?'; }

// Length of an enhanced status code at the start of `text` (RFC 3463 §2), 0 without one.
size_t EnhancedLength(std::string_view text, char code_class) {
  size_t at = 0;
  const auto digits = [&](size_t most) {
    const size_t start = at;
    while (at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at])) &&
           at - start < most)
      ++at;
    return at > start;
  };
  if (text.empty() || text[0] != code_class || !digits(1)) return 0;
  if (at == text.size() || text[at++] != '.' || !digits(3)) return 0;
  if (at == text.size() || text[at++] != '.' || !digits(3)) return 0;
  return at == text.size() || text[at] == ' ' ? at : 0;
}

}  // namespace

std::string Format(const Reply& reply) {
  std::string out;
  const std::string code = std::to_string(reply.code);
  std::string_view rest = reply.text;
  while (true) {
    const size_t end = rest.find('\n');
    const bool last = end == std::string_view::npos;
    const std::string_view line = rest.substr(0, end);
    out += code;
    out += last ? ' ' : '-';
    if (!reply.enhanced.empty()) out += base::Cat(reply.enhanced, " ");
    for (const char c : line.substr(0, kMaxSentLine)) out += Safe(c);
    out += "\r\n";
    if (last) return out;
    rest.remove_prefix(end + 1);
  }
}

std::string ToText(const Reply& reply) {
  std::string out = reply.enhanced.empty() ? base::Cat(reply.code, " ")
                                           : base::Cat(reply.code, " ", reply.enhanced, " ");
  for (const char c : reply.text) out += c == '\n' ? ' ' : Safe(c);
  return out;
}

void ReplyReader::Clear() {
  line_.clear();
  reply_ = {};
  lines_ = 0;
}

absl::StatusOr<std::optional<Reply>> ReplyReader::Read(std::string_view& bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    if (line_.size() + piece.size() > kMaxReadLine)
      return absl::InvalidArgumentError("a line of the server's reply is too long");
    line_ += piece;
    bytes.remove_prefix(piece.size());
    if (end == std::string_view::npos) return std::nullopt;
    CLEANMAIL_ASSIGN_OR_RETURN(const bool complete, TakeLine(line_));
    line_.clear();
    if (complete) {
      Reply reply = std::move(reply_);
      Clear();
      return reply;
    }
  }
  return std::nullopt;
}

absl::StatusOr<bool> ReplyReader::TakeLine(std::string_view line) {
  line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  const auto digit = [line](size_t i) {
    return i < line.size() && absl::ascii_isdigit(static_cast<unsigned char>(line[i]));
  };
  const bool has_code = digit(0) && digit(1) && digit(2) && line[0] >= '2' && line[0] <= '5';
  if (!has_code || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) {
    return absl::InvalidArgumentError("the server's reply does not begin with a reply code");
  }
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  if (lines_ > 0 && code != reply_.code)
    return absl::InvalidArgumentError("the lines of the server's reply differ in their codes");
  if (++lines_ > kMaxReadLines)
    return absl::InvalidArgumentError("the server's reply has too many lines");
  const bool last = line.size() == 3 || line[3] == ' ';
  std::string_view text = line.substr(std::min<size_t>(line.size(), 4));
  if (const size_t length = EnhancedLength(text, line[0]); length > 0) {
    if (lines_ == 1) reply_.enhanced = text.substr(0, length);
    text.remove_prefix(std::min(text.size(), length + 1));
  }
  if (lines_ > 1) reply_.text += '\n';
  for (const char c : text)
    reply_.text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  reply_.code = code;
  return last;
}

namespace replies {

Reply Greeting(std::string_view host_name) {
  return {220, "", base::Cat(host_name, " ESMTP Cleanmail")};
}
Reply Closing() { return {221, "2.0.0", "Bye"}; }
Reply Ok() { return {250, "2.0.0", "Ok"}; }
Reply SenderOk() { return {250, "2.1.0", "Ok"}; }
Reply RecipientOk() { return {250, "2.1.5", "Ok"}; }
Reply SendData() { return {354, "", "End data with <CR><LF>.<CR><LF>"}; }
Reply ChunkOk(int64_t bytes) { return {250, "2.0.0", base::Cat(bytes, " octets received")}; }
Reply Queued(std::string_view ids) { return {250, "2.0.0", base::Cat("Ok: queued as ", ids)}; }
Reply Reset() { return {250, "2.0.0", "Ok"}; }
Reply Help() { return {214, "2.0.0", "See RFC 5321"}; }
Reply CannotVerify() { return {252, "2.5.0", "Cannot verify, but will take mail and try"}; }
Reply ReadyForTls() { return {220, "2.0.0", "Ready to start TLS"}; }
Reply UnknownCommand() { return {500, "5.5.2", "Command not known"}; }
Reply NotImplemented() { return {502, "5.5.1", "Command not implemented"}; }
Reply BadLine() { return {500, "5.5.2", "A command is one line of text that ends in CRLF"}; }
Reply LineTooLong() { return {500, "5.5.2", "Command line too long"}; }
Reply BadSequence(std::string_view why) { return {503, "5.5.1", std::string(why)}; }
Reply BadArguments(std::string_view why) { return {501, "5.5.4", std::string(why)}; }
Reply UnknownParameter() { return {555, "5.5.4", "Parameter not known"}; }
Reply BadSender(std::string_view why) { return {501, "5.1.7", base::Cat("Bad sender: ", why)}; }
Reply BadRecipient(std::string_view why) {
  return {501, "5.1.3", base::Cat("Bad recipient: ", why)};
}
Reply NonAsciiNeedsSmtpUtf8() { return {553, "5.6.7", "Addresses beyond ASCII need SMTPUTF8"}; }
Reply TlsFirst() { return {530, "5.7.0", "Must issue a STARTTLS command first"}; }
Reply TooManyErrors() { return {421, "4.7.0", "Too many errors, closing"}; }
Reply TooManyRecipients() {
  return {452, "4.5.3", "Too many recipients, send the rest in another transaction"};
}
Reply TooManyMessages() { return {421, "4.7.0", "Enough messages for one session, connect again"}; }
Reply MessageTooBig(int64_t limit) {
  return {552, "5.3.4", base::Cat("Message too big, the limit is ", limit, " octets")};
}
Reply HeaderTooBig() { return {552, "5.3.4", "Header too big"}; }
Reply MessageLineTooLong() { return {554, "5.6.0", "A line of the message is too long"}; }
Reply BadLineEnds() {
  return {550, "5.6.11", "Lines of a message end in CRLF; bare CR or LF is not allowed"};
}
Reply NoValidRecipients() { return {554, "5.5.1", "No valid recipients"}; }
Reply ImproperPipelining() { return {554, "5.5.0", "Data sent before it was asked for, closing"}; }
Reply ShuttingDown(std::string_view host_name) {
  return {421, "4.3.2", base::Cat(host_name, " is shutting down, try again")};
}
Reply Timeout(std::string_view host_name) {
  return {421, "4.4.2", base::Cat(host_name, " waited too long, closing")};
}
Reply TryLater() { return {451, "4.3.0", "Temporary failure, try again later"}; }

}  // namespace replies

}  // namespace cleanmail::mail::smtp
