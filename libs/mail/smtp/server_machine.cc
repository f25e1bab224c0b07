#include "libs/mail/smtp/server_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::smtp {
namespace {

// "Go on": nothing to tell the shell yet.
constexpr ServerEvent kGoOn = ServerEvent::kNeedInput;

std::string_view NameOf(Verb verb) {
  switch (verb) {
    case Verb::kHelo:
      return "HELO";
    case Verb::kEhlo:
      return "EHLO";
    case Verb::kMail:
      return "MAIL";
    case Verb::kRcpt:
      return "RCPT";
    case Verb::kData:
      return "DATA";
    case Verb::kBdat:
      return "BDAT";
    case Verb::kReset:
      return "RSET";
    case Verb::kVerify:
      return "VRFY";
    case Verb::kExpand:
      return "EXPN";
    case Verb::kHelp:
      return "HELP";
    case Verb::kNoop:
      return "NOOP";
    case Verb::kQuit:
      return "QUIT";
    case Verb::kStartTls:
      return "STARTTLS";
    case Verb::kNotImplemented:
    case Verb::kForeign:
    case Verb::kUnknown:
      return "?";
  }
  return "?";
}

// A client that goes on sending far beyond the limit is cut off rather than listened to.
constexpr int64_t kPatience = 2;

}  // namespace

ServerMachine::ServerMachine(const ServerOptions& options) : options_(options) {
  Put(replies::Greeting(options.host_name));
}

ServerEvent ServerMachine::Next(std::string_view& input) {
  content_ = {};
  while (true) {
    if (state_ == State::kClosed) return ServerEvent::kClose;
    if (closing_) return Close(replies::TooManyErrors());
    if (state_ == State::kContent || state_ == State::kSwallow) {
      const bool chunk_over = framing_ == Framing::kChunk && chunk_left_ == 0;
      if (input.empty() && !chunk_over && !ended_) return ServerEvent::kNeedInput;
      const ServerEvent event = ended_ ? MessageComplete() : TakeContent(input);
      if (event != kGoOn) return event;
      continue;
    }
    if (input.empty()) return ServerEvent::kNeedInput;
    const std::optional<std::string_view> line = TakeLine(input);
    if (state_ == State::kClosed) return ServerEvent::kClose;
    if (!line) continue;
    if (!extended_ && !input.empty()) improper_pipelining_ = true;
    last_verb_ = "?";
    ServerEvent event = kGoOn;
    if (!IsCleanLine(*line)) {
      Put(replies::BadLine());
    } else if (const absl::StatusOr<Command> command = ParseCommand(*line); !command.ok()) {
      Put(replies::BadArguments(base::View(command.status().message())));
    } else {
      event = Handle(*command, input);
    }
    if (event != kGoOn) return event;
  }
}

// The next command line without its end; nullopt when it has not all come, or was answered here.
std::optional<std::string_view> ServerMachine::TakeLine(std::string_view& input) {
  const size_t end = input.find('\n');
  const std::string_view piece =
      input.substr(0, end == std::string_view::npos ? input.size() : end + 1);
  input.remove_prefix(piece.size());
  const bool complete = piece.ends_with('\n');
  if (state_ == State::kSkipLine) {
    if (complete) {
      state_ = State::kCommand;
      Put(replies::LineTooLong());
    }
    return std::nullopt;
  }
  if (line_.size() + piece.size() > options_.command_line_bytes) {
    line_ = {};
    state_ = State::kSkipLine;
    if (complete) {
      state_ = State::kCommand;
      Put(replies::LineTooLong());
    }
    return std::nullopt;
  }
  if (!complete) {
    line_ += piece;
    return std::nullopt;
  }
  std::string_view line = piece;
  if (!line_.empty()) {
    line_taken_ = std::exchange(line_, {}) + std::string(piece);
    line = line_taken_;
  }
  if (!line.ends_with("\r\n")) {
    // Another machine on the way may not have seen a line end here: nothing after it can be trusted
    // to be a command.
    Close(replies::BadLine());
    return std::nullopt;
  }
  line.remove_suffix(2);
  return line;
}

ServerEvent ServerMachine::Handle(const Command& command, std::string_view& input) {
  last_verb_ = NameOf(command.verb);
  switch (command.verb) {
    case Verb::kHelo:
      return Hello(command.arguments, /*extended=*/false);
    case Verb::kEhlo:
      return Hello(command.arguments, /*extended=*/true);
    case Verb::kMail:
      return Mail(command.arguments);
    case Verb::kRcpt:
      return Recipient(command.arguments, input);
    case Verb::kData:
      return Data(command.arguments, input);
    case Verb::kBdat:
      return Chunk(command.arguments);
    case Verb::kReset:
      return command.arguments.empty() ? Abandon(replies::Reset())
                                       : Give(replies::BadArguments("RSET takes no arguments"));
    case Verb::kVerify:
      return Give(replies::CannotVerify());
    case Verb::kExpand:
      return Give(replies::NotImplemented());
    case Verb::kHelp:
      return Give(replies::Help());
    case Verb::kNoop:
      return Give(replies::Ok());
    case Verb::kQuit:
      return Close(replies::Closing());
    case Verb::kStartTls:
      return StartTls(command.arguments, input);
    case Verb::kNotImplemented:
      return Give(replies::NotImplemented());
    case Verb::kForeign:
      state_ = State::kClosed;
      return ServerEvent::kClose;
    case Verb::kUnknown:
      return Give(replies::UnknownCommand());
  }
  return kGoOn;
}

ServerEvent ServerMachine::Hello(std::string_view arguments, bool extended) {
  if (arguments.empty() || !address::IsPrintableUtf8(arguments))
    return Give(replies::BadArguments("Say who you are"));
  const bool abandoned = has_sender_;
  ResetTransaction();
  hello_ = arguments.substr(0, 255);
  extended_ = extended;
  greeted_ = true;
  if (!extended) {
    Put({250, "", options_.host_name});
  } else {
    std::string lines = base::Cat(options_.host_name, "\nPIPELINING\nSIZE");
    if (options_.message.bytes > 0) lines += base::Cat(" ", options_.message.bytes);
    lines += "\n8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES";
    if (options_.offer_starttls && !tls_) lines += "\nSTARTTLS";
    if (options_.offer_dsn) lines += "\nDSN";
    Put({250, "", lines});
  }
  return abandoned ? ServerEvent::kAbandoned : kGoOn;
}

ServerEvent ServerMachine::Mail(std::string_view arguments) {
  if (!greeted_) return Give(replies::BadSequence("Say EHLO first"));
  if (options_.require_tls && !tls_) return Give(replies::TlsFirst());
  if (has_sender_) return Give(replies::BadSequence("A sender was already given"));
  if (options_.messages > 0 && messages_ >= options_.messages)
    return Close(replies::TooManyMessages());
  const absl::StatusOr<address::ParsedPath> path =
      address::ParsePath(arguments, {.smtp_utf8 = true, .null_allowed = true});
  if (!path.ok()) return Give(replies::BadSender(base::View(path.status().message())));
  const std::string_view rest = arguments.substr(path->length);
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t')
    return Give(replies::BadSender("something follows the address"));
  const absl::StatusOr<MailParameters> parameters = ParseMailParameters(rest, options_.offer_dsn);
  if (absl::IsUnimplemented(parameters.status())) return Give(replies::UnknownParameter());
  if (!parameters.ok())
    return Give(replies::BadArguments(base::View(parameters.status().message())));
  if (!parameters->smtp_utf8 && !address::IsAscii(arguments))
    return Give(replies::NonAsciiNeedsSmtpUtf8());
  const int64_t limit = options_.message.bytes;
  if (limit > 0 && parameters->size > limit) return Give(replies::MessageTooBig(limit));
  sender_ = path->mailbox;
  parameters_ = *parameters;
  state_ = State::kAwaiting;
  return ServerEvent::kMail;
}

void ServerMachine::AnswerMail(Reply reply) {
  state_ = State::kCommand;
  has_sender_ = reply.positive();
  if (!has_sender_) sender_ = {};
  Put(std::move(reply));
}

ServerEvent ServerMachine::Recipient(std::string_view arguments, std::string_view& input) {
  group_.push_back(TakeRecipient(arguments));
  return NextIsRecipient(input) ? kGoOn : EndGroup();
}

// Adds to asked_, or gives the reply that refuses.
std::optional<Reply> ServerMachine::TakeRecipient(std::string_view arguments) {
  if (!has_sender_) return replies::BadSequence("Give a sender first");
  if (chunks_begun_) return replies::BadSequence("The message has begun");
  if (options_.recipients > 0 && accepted_ + static_cast<int>(asked_.size()) >= options_.recipients)
    return replies::TooManyRecipients();
  absl::StatusOr<address::ParsedPath> path =
      address::ParsePath(arguments, {.smtp_utf8 = true, .postmaster_allowed = true});
  if (!path.ok()) return replies::BadRecipient(base::View(path.status().message()));
  if (!parameters_.smtp_utf8 && !address::IsAscii(arguments))
    return replies::NonAsciiNeedsSmtpUtf8();
  const std::string_view rest = arguments.substr(path->length);
  RecipientParameters parameters;
  if (!rest.empty()) {
    if (!options_.offer_dsn) return replies::UnknownParameter();
    if (rest.front() != ' ' && rest.front() != '\t')
      return replies::BadRecipient("something follows the address");
    absl::StatusOr<RecipientParameters> parsed = ParseRecipientParameters(rest);
    if (absl::IsUnimplemented(parsed.status())) return replies::UnknownParameter();
    if (!parsed.ok()) return replies::BadArguments(base::View(parsed.status().message()));
    parameters = *std::move(parsed);
  }
  asked_.push_back(std::move(path->mailbox));
  asked_parameters_.push_back(std::move(parameters));
  return std::nullopt;
}

// Whether a complete RCPT comes next, so that it can be asked about together with those before.
bool ServerMachine::NextIsRecipient(std::string_view input) const {
  const size_t end = input.find("\r\n");
  if (end == std::string_view::npos || end + 2 > options_.command_line_bytes ||
      !IsCleanLine(input.substr(0, end)))
    return false;
  const absl::StatusOr<Command> next = ParseCommand(input.substr(0, end));
  return next.ok() && next->verb == Verb::kRcpt;
}

ServerEvent ServerMachine::EndGroup() {
  if (asked_.empty()) {
    AnswerRecipients({});
    return kGoOn;
  }
  state_ = State::kAwaiting;
  return ServerEvent::kRecipients;
}

void ServerMachine::AnswerRecipients(std::span<const Reply> replies) {
  state_ = State::kCommand;
  size_t next = 0;
  for (std::optional<Reply>& refusal : group_) {
    if (refusal) {
      Put(*std::move(refusal));
      continue;
    }
    Reply reply = next < replies.size() ? replies[next] : replies::TryLater();
    ++next;
    if (reply.positive()) ++accepted_;
    Put(std::move(reply));
  }
  group_.clear();
  asked_.clear();
  asked_parameters_.clear();
}

ServerEvent ServerMachine::Data(std::string_view arguments, std::string_view input) {
  if (!arguments.empty()) return Give(replies::BadArguments("DATA takes no arguments"));
  if (!has_sender_) return Give(replies::BadSequence("Give a sender first"));
  if (chunks_begun_) return Give(replies::BadSequence("The message was begun by BDAT"));
  // RFC 2920 §3.1: DATA ends a group. What came behind it was sent blindly: content that must never
  // be read as commands.
  if (!input.empty())
    return Close(accepted_ == 0 ? replies::NoValidRecipients() : replies::ImproperPipelining());
  if (accepted_ == 0) return Give(replies::NoValidRecipients());
  framing_ = Framing::kDots;
  state_ = State::kAwaiting;
  return ServerEvent::kData;
}

ServerEvent ServerMachine::Chunk(std::string_view arguments) {
  const absl::StatusOr<ChunkParameters> chunk = ParseChunkParameters(arguments);
  // Without a size nobody knows where the chunk ends and commands begin again.
  if (!chunk.ok()) return Close(replies::BadArguments(base::View(chunk.status().message())));
  const int64_t limit = options_.message.bytes;
  if (limit > 0 && chunk->size > kPatience * limit) return Close(replies::MessageTooBig(limit));
  framing_ = Framing::kChunk;
  chunk_left_ = chunk->size;
  chunk_last_ = chunk->last;
  if (has_sender_ && accepted_ > 0) {
    if (chunks_begun_) {
      state_ = State::kContent;
      return kGoOn;
    }
    state_ = State::kAwaiting;
    return ServerEvent::kData;
  }
  chunk_refusal_ =
      has_sender_ ? replies::NoValidRecipients() : replies::BadSequence("Give a sender first");
  state_ = State::kSwallow;
  return kGoOn;
}

void ServerMachine::AnswerData(std::optional<Reply> refusal) {
  if (refusal && framing_ == Framing::kDots) {
    ResetTransaction();
    state_ = State::kCommand;
    return Put(*std::move(refusal));
  }
  if (refusal) {
    ResetTransaction();
    chunk_refusal_ = *std::move(refusal);
    state_ = State::kSwallow;
    return;
  }
  decoder_.emplace(framing_, options_.line_ends, options_.message);
  chunks_begun_ = framing_ == Framing::kChunk;
  state_ = State::kContent;
  if (framing_ == Framing::kDots) Put(replies::SendData());
}

ServerEvent ServerMachine::TakeContent(std::string_view& input) {
  const bool chunk = framing_ == Framing::kChunk;
  std::string_view part =
      chunk ? input.substr(0, static_cast<size_t>(std::min<int64_t>(chunk_left_, input.size())))
            : input;
  const size_t offered = part.size();
  if (state_ == State::kSwallow) {
    input.remove_prefix(offered);
    chunk_left_ -= static_cast<int64_t>(offered);
    if (chunk_left_ > 0) return kGoOn;
    state_ = State::kCommand;
    return Give(std::move(chunk_refusal_));
  }
  // The content mostly lies in one piece; where it does not, it is joined.
  joined_.clear();
  const auto sink = [this](std::string_view bytes) {
    if (content_.empty()) {
      content_ = bytes;
      return;
    }
    if (joined_.empty()) joined_ = content_;
    joined_ += bytes;
    content_ = joined_;
  };
  const bool ended = decoder_->Decode(part, sink);
  const size_t taken = offered - part.size();
  input.remove_prefix(taken);
  if (chunk) chunk_left_ -= static_cast<int64_t>(taken);
  const bool chunk_over = chunk && chunk_left_ == 0;
  if (chunk_over && chunk_last_) decoder_->Finish(sink);
  const int64_t limit = options_.message.bytes;
  if (limit > 0 && decoder_->size() > kPatience * limit)
    return Close(replies::MessageTooBig(limit));
  if (!content_.empty()) {
    ended_ = ended;  // told by the next call
    return ServerEvent::kContent;
  }
  if (ended) return MessageComplete();
  return chunk_over ? ChunkEnded() : kGoOn;
}

ServerEvent ServerMachine::ChunkEnded() {
  if (chunk_last_ || decoder_->violation() != Violation::kNone) return MessageComplete();
  state_ = State::kCommand;
  return Give(replies::ChunkOk(decoder_->size()));
}

ServerEvent ServerMachine::MessageComplete() {
  const Violation violation = decoder_->violation();
  ++messages_;
  ended_ = false;
  joined_ = {};
  if (violation == Violation::kNone) {
    state_ = State::kAwaiting;
    return ServerEvent::kMessageEnd;
  }
  Put(RefusalOf(violation));
  ResetTransaction();
  state_ = State::kCommand;
  return ServerEvent::kMessageBad;
}

void ServerMachine::AnswerMessage(Reply reply) {
  ResetTransaction();
  state_ = State::kCommand;
  Put(std::move(reply));
}

Reply ServerMachine::RefusalOf(Violation violation) const {
  switch (violation) {
    case Violation::kNone:
    case Violation::kLineEnds:
      return replies::BadLineEnds();
    case Violation::kTooBig:
      return replies::MessageTooBig(options_.message.bytes);
    case Violation::kLineTooLong:
      return replies::MessageLineTooLong();
    case Violation::kHeaderTooBig:
      return replies::HeaderTooBig();
  }
  return replies::TryLater();
}

ServerEvent ServerMachine::StartTls(std::string_view arguments, std::string_view& input) {
  if (!options_.offer_starttls) return Give(replies::NotImplemented());
  if (!arguments.empty()) return Give(replies::BadArguments("STARTTLS takes no arguments"));
  if (tls_) return Give(replies::BadSequence("TLS is already in use"));
  if (!greeted_) return Give(replies::BadSequence("Say EHLO first"));
  // Whatever was sent behind STARTTLS in the clear must not be read as if it had come through TLS
  // (CVE-2011-0411).
  input = {};
  ResetTransaction();
  Put(replies::ReadyForTls());
  state_ = State::kAwaiting;
  return ServerEvent::kStartTls;
}

void ServerMachine::TlsStarted() {
  ResetTransaction();
  tls_ = true;
  greeted_ = false;
  extended_ = false;
  hello_.clear();
  line_.clear();
  state_ = State::kCommand;
}

ServerEvent ServerMachine::Give(Reply reply) {
  Put(std::move(reply));
  return kGoOn;
}

ServerEvent ServerMachine::Abandon(Reply reply) {
  const bool abandoned = has_sender_;
  ResetTransaction();
  Put(std::move(reply));
  return abandoned ? ServerEvent::kAbandoned : kGoOn;
}

ServerEvent ServerMachine::Close(Reply reply) {
  Put(std::move(reply));
  ResetTransaction();
  closing_ = false;
  state_ = State::kClosed;
  return ServerEvent::kClose;
}

void ServerMachine::Stop(Reply reply) {
  if (state_ != State::kClosed) Close(std::move(reply));
}

void ServerMachine::Put(Reply reply) {
  output_ += Format(reply);
  if (reply.permanent() && options_.errors > 0 && ++errors_ >= options_.errors) closing_ = true;
  last_reply_ = std::move(reply);
}

void ServerMachine::ResetTransaction() {
  has_sender_ = false;
  sender_ = {};
  parameters_ = {};
  accepted_ = 0;
  group_ = {};
  asked_ = {};
  asked_parameters_ = {};
  decoder_.reset();
  joined_ = {};
  ended_ = false;
  chunks_begun_ = false;
}

}  // namespace cleanmail::mail::smtp
