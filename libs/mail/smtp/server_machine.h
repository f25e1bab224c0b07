#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/mail/address/mailbox.h"
#include "libs/mail/smtp/command.h"
#include "libs/mail/smtp/content_decoder.h"
#include "libs/mail/smtp/notification.h"
#include "libs/mail/smtp/reply.h"

namespace cleanmail::mail::smtp {

// Zero: no limit, but for the line of a command.
struct ServerOptions {
  std::string host_name = {};
  LineEnds line_ends = LineEnds::kStrict;
  bool offer_starttls = false;
  bool require_tls = false;          // MAIL only after STARTTLS
  bool offer_dsn = false;            // RFC 3461
  size_t command_line_bytes = 2048;  // with CRLF
  MessageLimits message = {};
  int recipients = 1000;
  int errors = 20;
  int messages = 1000;
};

// What the machine tells its shell.
enum class ServerEvent {
  kNeedInput,   // all input is taken; write output(), then read
  kMail,        // MAIL is well-formed: sender(), parameters(). Answer with AnswerMail
  kRecipients,  // RCPTs sent together: recipients(). Answer with AnswerRecipients
  kData,        // DATA, or the first BDAT of a transaction with recipients. Answer with AnswerData
  kContent,     // content() holds decoded bytes of the message, until the next call
  kMessageEnd,  // the message is complete, size() bytes. Answer with AnswerMessage
  kMessageBad,  // the message has ended and was refused by the machine, last_reply(); forget what
                // was kept of it
  kAbandoned,   // the transaction is over without a message (RSET, EHLO, QUIT …); forget what was
                // kept of it
  kStartTls,    // write output(), start TLS, then call TlsStarted. All input received is dropped
  kClose,       // write output(), then close
};

// The server's side of SMTP (RFC 5321) without any I/O: bytes and answers in, events and replies
// out. Offers PIPELINING, SIZE, 8BITMIME, SMTPUTF8, CHUNKING, ENHANCEDSTATUSCODES and, if told,
// STARTTLS and DSN. A shell goes round like this:
//
//   write(machine.TakeOutput())                       // the greeting
//   while (bytes = read()) {
//     while ((event = machine.Next(bytes)) != kNeedInput) answer(event);
//     write(machine.TakeOutput());
//   }
//
// While an event waits for its answer Next must not be called; input then stays with the shell. The
// machine itself keeps no more than one command line. Replies the shell gives are sent as they are,
// so they must be apt for the verb (RFC 5321 §4.3.2). Not thread-safe.
class ServerMachine {
 public:
  // The options must outlive the machine. The greeting is already in the output.
  explicit ServerMachine(const ServerOptions& options);

  // Takes from the front of `input` until there is something to tell.
  ServerEvent Next(std::string_view& input);

  // The answer to kMail; positive: the transaction goes on.
  void AnswerMail(Reply reply);
  // One reply for each of recipients(), in order.
  void AnswerRecipients(std::span<const Reply> replies);
  // nullopt: go on and send the message. A reply refuses it: DATA is answered with it, of BDAT the
  // chunk is swallowed first.
  void AnswerData(std::optional<Reply> refusal);
  void AnswerMessage(Reply reply);
  // The TLS handshake is done: as after the greeting, but for the greeting (RFC 3207 §4.2).
  void TlsStarted();
  // Ends the session with this reply, whatever state it is in; the next event is kClose.
  void Stop(Reply reply);

  // Replies not yet taken; grouped, since replies to pipelined commands are to leave together (RFC
  // 2920 §3.2).
  std::string TakeOutput() { return std::exchange(output_, {}); }
  bool has_output() const { return !output_.empty(); }

  const address::Mailbox& sender() const { return sender_; }
  const MailParameters& parameters() const { return parameters_; }
  std::span<const address::Mailbox> recipients() const { return asked_; }
  // One for each of recipients(), in order.
  std::span<const RecipientParameters> recipient_parameters() const { return asked_parameters_; }
  std::string_view content() const { return content_; }
  int64_t size() const { return decoder_ ? decoder_->size() : 0; }

  // The argument of EHLO or HELO, hostile text of printable characters; empty before.
  const std::string& hello() const { return hello_; }
  bool extended() const { return extended_; }
  bool tls() const { return tls_; }
  // Whether the message was sent by BDAT.
  bool chunking() const { return framing_ == Framing::kChunk; }
  bool in_transaction() const { return has_sender_; }
  // Whether bytes of a message are being taken.
  bool in_message() const {
    return state_ == State::kContent || (state_ == State::kCommand && chunks_begun_);
  }
  int accepted_recipients() const { return accepted_; }
  // Commands refused so far, recipients included.
  int errors() const { return errors_; }
  // Commands sent together although PIPELINING was not in force.
  bool improper_pipelining() const { return improper_pipelining_; }
  // The reply last given, and the verb it was for: to be recorded when it is a refusal.
  const Reply& last_reply() const { return last_reply_; }
  std::string_view last_verb() const { return last_verb_; }

 private:
  enum class State : uint8_t { kCommand, kSkipLine, kAwaiting, kContent, kSwallow, kClosed };

  std::optional<std::string_view> TakeLine(std::string_view& input);
  ServerEvent TakeContent(std::string_view& input);
  ServerEvent ChunkEnded();
  ServerEvent Handle(const Command& command, std::string_view& input);
  ServerEvent Hello(std::string_view arguments, bool extended);
  ServerEvent Mail(std::string_view arguments);
  ServerEvent Recipient(std::string_view arguments, std::string_view& input);
  std::optional<Reply> TakeRecipient(std::string_view arguments);
  ServerEvent Data(std::string_view arguments, std::string_view input);
  ServerEvent Chunk(std::string_view arguments);
  ServerEvent StartTls(std::string_view arguments, std::string_view& input);
  ServerEvent Give(Reply reply);
  ServerEvent EndGroup();
  ServerEvent Abandon(Reply reply);
  ServerEvent Close(Reply reply);
  ServerEvent MessageComplete();
  Reply RefusalOf(Violation violation) const;
  bool NextIsRecipient(std::string_view input) const;
  void Put(Reply reply);
  void ResetTransaction();

  const ServerOptions& options_;
  State state_ = State::kCommand;
  std::string output_;
  std::string line_;  // the start of a command line whose end has not come
  std::string line_taken_;

  std::string hello_;
  bool extended_ = false;
  bool greeted_ = false;
  bool tls_ = false;
  bool improper_pipelining_ = false;
  bool closing_ = false;
  int errors_ = 0;
  int messages_ = 0;

  bool has_sender_ = false;
  address::Mailbox sender_;
  MailParameters parameters_;
  int accepted_ = 0;
  // RCPTs of the current group: those refused here already have their reply.
  std::vector<std::optional<Reply>> group_;
  std::vector<address::Mailbox> asked_;
  std::vector<RecipientParameters> asked_parameters_;

  Framing framing_ = Framing::kDots;
  std::optional<ContentDecoder> decoder_;
  std::string_view content_;
  std::string joined_;  // content of one step that did not lie in one piece
  bool ended_ = false;  // the end was seen, but content went out first
  bool chunks_begun_ = false;
  bool chunk_last_ = false;
  int64_t chunk_left_ = 0;
  Reply chunk_refusal_;

  Reply last_reply_;
  std::string_view last_verb_ = "CONNECT";
};

}  // namespace cleanmail::mail::smtp
