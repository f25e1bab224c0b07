#include "services/ingress/session/session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/uuid.h"
#include "libs/bus/events.h"
#include "libs/mail/address/mailbox.h"
#include "libs/telemetry/trace.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "services/ingress/session/reply_of.h"

namespace cleanmail::ingress {
namespace {

using mail::smtp::Reply;
using mail::smtp::ServerEvent;
namespace replies = mail::smtp::replies;

// What to say to the client when mail could not be kept.
Reply ReplyTo(const absl::Status& failure) {
  if (absl::IsResourceExhausted(failure)) return ReplyOf(refusals::kNoRoom);
  if (absl::IsInvalidArgument(failure)) return ReplyOf(refusals::kHeaderTooBig);
  return ReplyOf(refusals::kTryLater);
}

std::string JoinIds(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += base::Cat(text.empty() ? "" : ", ", id);
  return text;
}

// What came with a recipient (RFC 3461), if anything did.
std::optional<mail::v1::RecipientDsn> DsnOf(const mail::smtp::RecipientParameters& parameters) {
  if (parameters == mail::smtp::RecipientParameters{}) return std::nullopt;
  mail::v1::RecipientDsn dsn;
  dsn.set_never(parameters.never);
  dsn.set_on_success(parameters.on_success);
  dsn.set_on_failure(parameters.on_failure);
  dsn.set_on_delay(parameters.on_delay);
  dsn.set_original_recipient(parameters.original_recipient);
  return dsn;
}

}  // namespace

Session::Session(Sessions& sessions, std::unique_ptr<net::Connection> connection)
    : sessions_(sessions),
      settings_(sessions.settings()),
      parts_(sessions.parts()),
      connection_(std::move(connection)),
      loop_(connection_->loop()),
      machine_(settings_.smtp),
      began_(absl::Now()),
      command_began_(began_) {
  facts_.set_session(base::NewUuid(parts_.clock, parts_.random));
  facts_.set_client_address(connection_->peer().address.ToString());
  facts_.set_listener(settings_.listener);
  parts_.metrics.sessions.Add();
  parts_.metrics.sessions_open.Add(1);
}

Session::~Session() {
  EndMessage();
  parts_.metrics.sessions_open.Add(-1);
}

net::Task<void> Session::Run() {
  net::ConnectionLimits::Admission admission = parts_.limits.Admit(connection_->peer().address);
  if (admission.verdict != net::ConnectionLimits::Verdict::kAdmitted) {
    parts_.metrics.sessions_limited.Add();
    const std::string reply = Format(ReplyOf(refusals::kTooManySessions));
    (void)co_await connection_->Write(reply, absl::Now() + absl::Seconds(5));
    co_return;
  }
  ticket_ = std::move(admission.ticket);
  co_await Talk();
  connection_->Close();
  LogSession();
}

net::Task<void> Session::Talk() {
  if (!co_await Flush()) co_return;
  while (true) {
    const absl::StatusOr<std::string_view> bytes = co_await connection_->ReadSome(Deadline());
    if (!bytes.ok()) {
      co_await OnReadFailure(bytes.status());
      co_return;
    }
    if (bytes->empty()) {
      end_ = machine_.in_message() ? "lost in the message" : "closed by the client";
      co_return;
    }
    if (sessions_.draining() && !machine_.in_message()) {
      machine_.Stop(replies::ShuttingDown(settings_.smtp.host_name));
      end_ = "shutting down";
    }
    std::string_view input = *bytes;
    for (ServerEvent event = machine_.Next(input); event != ServerEvent::kNeedInput;
         event = machine_.Next(input)) {
      // Most content is taken without waiting; for all else the input read must be saved, since
      // others will read meanwhile.
      if (event == ServerEvent::kContent && reception_->Append(machine_.content())) continue;
      input = Hold(input);
      if (!co_await OnEvent(event)) co_return;
      if (event == ServerEvent::kStartTls) input = {};
    }
    held_ = {};
    co_await HoldUp();
    if (machine_.has_output()) command_began_ = absl::Now();
    if (!co_await Flush()) co_return;
    if (!machine_.in_message()) EndMessage();  // only now the client has its answer
  }
}

// `input`, safe from the loop's next read.
std::string_view Session::Hold(std::string_view input) {
  const bool held =
      !held_.empty() && input.data() >= held_.data() && input.data() <= held_.data() + held_.size();
  if (input.empty() || held) return input;
  held_.assign(input);
  return held_;
}

net::Task<void> Session::OnReadFailure(absl::Status status) {
  if (!absl::IsDeadlineExceeded(status)) {
    end_ = base::Cat("lost: ", status.message());
    co_return;
  }
  parts_.metrics.timeouts.Add();
  end_ = "too slow";
  machine_.Stop(replies::Timeout(settings_.smtp.host_name));
  co_await Flush();
}

net::Task<bool> Session::Flush() {
  if (!machine_.has_output()) co_return true;
  const std::string output = machine_.TakeOutput();
  const absl::Status written =
      co_await connection_->Write(output, absl::Now() + settings_.timeouts.write);
  if (!written.ok()) end_ = base::Cat("lost: ", written.message());
  co_return written.ok();
}

absl::Time Session::Deadline() const {
  const SessionTimeouts& timeouts = settings_.timeouts;
  const absl::Time session = began_ + timeouts.session;
  if (!machine_.in_message()) return std::min(session, command_began_ + timeouts.command);
  return std::min({session, absl::Now() + timeouts.data_block, data_began_ + timeouts.data_total});
}

// False: the session is over.
net::Task<bool> Session::OnEvent(ServerEvent event) {
  switch (event) {
    case ServerEvent::kNeedInput:
      co_return true;
    case ServerEvent::kMail:
      OnMail();
      co_return true;
    case ServerEvent::kRecipients:
      co_await OnRecipients();
      co_return true;
    case ServerEvent::kData:
      co_await OnData();
      co_return true;
    case ServerEvent::kContent:
      (void)co_await net::Await<bool>(
          loop_, [this](auto ready) { reception_->WhenReady(std::move(ready)); });
      co_return true;
    case ServerEvent::kMessageEnd:
      co_await OnMessageEnd();
      co_return true;
    case ServerEvent::kMessageBad:
      OnMessageBad();
      co_return true;
    case ServerEvent::kAbandoned:
      ForgetTransaction();
      co_return true;
    case ServerEvent::kStartTls:
      co_return co_await OnStartTls();
    case ServerEvent::kClose:
      if (end_ == "closed" && machine_.last_reply().code != 221)
        end_ = ToText(machine_.last_reply());
      co_await Flush();
      co_return false;
  }
  co_return false;
}

void Session::OnMail() {
  ForgetTransaction();
  facts_.set_helo(machine_.hello());
  trace_ = telemetry::NewTrace(parts_.random);
  const absl::Status accepting = parts_.intake.Accepting();
  Doorman::Sender sender =
      sessions_.doorman().AdmitSender(machine_.sender(), facts_.client_address());
  tenant_ = std::move(sender.tenant);
  if (!accepting.ok()) {
    const Reply reply = ReplyOf(refusals::kNoRoom);
    Refuse("MAIL", reply, {.address = {}, .tenant = tenant_}, base::View(accepting.message()));
    return machine_.AnswerMail(reply);
  }
  if (sender.refusal)
    Refuse("MAIL", *sender.refusal, {.address = {}, .tenant = tenant_}, sender.reason);
  machine_.AnswerMail(sender.refusal.value_or(replies::SenderOk()));
}

net::Task<void> Session::OnRecipients() {
  std::vector<Doorman::Verdict> verdicts;
  for (size_t i = 0; i < machine_.recipients().size(); ++i) {
    verdicts.push_back(sessions_.doorman().AdmitRecipient(machine_.recipients()[i], tenant_));
    verdicts.back().addressee.dsn = DsnOf(machine_.recipient_parameters()[i]);
  }
  std::vector<std::string> wanted;
  for (const Doorman::Verdict& verdict : verdicts) {
    if (!verdict.refusal) wanted.push_back(verdict.addressee.address);
  }
  if (!wanted.empty() && !IsRelayFor(std::move(wanted))) {
    co_await AskDoor();
    co_await AskSpf(verdicts);
  }
  co_await AskDestinations(verdicts);
  co_await AskLore(verdicts);
  co_await AskGreylist(verdicts);
  co_await AskPolicy(verdicts);
  NoteGuesses(verdicts);
  std::vector<Reply> answers;
  for (Doorman::Verdict& verdict : verdicts) {
    answers.push_back(verdict.refusal.value_or(replies::RecipientOk()));
    if (verdict.refusal) {
      Refuse("RCPT", *verdict.refusal, verdict.addressee, verdict.reason);
    } else {
      recipients_.push_back(std::move(verdict.addressee));
    }
  }
  machine_.AnswerRecipients(answers);
}

net::Task<void> Session::OnData() {
  facts_.set_tls(connection_->tls());
  std::vector<std::string> wanted;
  for (const Addressee& recipient : recipients_) wanted.push_back(recipient.address);
  // What was asked for others' sake says nothing of who sent this.
  const bool relayed = IsRelayFor(std::move(wanted));
  Arrival arrival{.session = facts_,
                  .direction = Direction(),
                  .sender = ToText(machine_.sender()),
                  .smtp_utf8 = machine_.parameters().smtp_utf8,
                  .eight_bit = machine_.parameters().eight_bit,
                  .dsn_return = machine_.parameters().dsn_return,
                  .dsn_envelope_id = machine_.parameters().envelope_id,
                  .protocol = Protocol(),
                  .recipients = recipients_,
                  .spf = relayed ? std::nullopt : spf_,
                  .door = relayed ? std::nullopt : door_,
                  .triggers = triggers_,
                  .scan_bytes = ScansNow() ? settings_.scan.message_bytes : 0,
                  .trace = trace_};
  using Begun = absl::StatusOr<std::unique_ptr<Reception>>;
  const bool at_once = parts_.intake.BeginsAtOnce(arrival);
  // Not written in place: gcc 12 destroys temporaries with captures in a co_await expression twice.
  auto begin = [&intake = parts_.intake, arrival = std::move(arrival)]() mutable -> Begun {
    return intake.Begin(std::move(arrival));
  };
  Begun begun;
  if (at_once) {
    begun = begin();
  } else {
    begun = co_await net::OnPool(parts_.loops, loop_, std::move(begin));
  }
  if (!begun.ok()) {
    const Reply reply = ReplyTo(begun.status());
    Refuse(machine_.last_verb(), reply, {}, base::View(begun.status().message()));
    ForgetTransaction();
    co_return machine_.AnswerData(reply);
  }
  reception_ = *std::move(begun);
  if (!std::exchange(message_in_hand_, true)) sessions_.messages_in_hand().fetch_add(1);
  data_began_ = absl::Now();
  machine_.AnswerData(std::nullopt);
  // The client waits for the 354, and nothing can be in the input behind DATA.
  if (!machine_.chunking()) co_await Flush();
}

net::Task<void> Session::OnMessageEnd() {
  std::optional<Reply> refusal = co_await AskAboutHeader();
  if (!refusal.has_value()) refusal = co_await AskScan();
  if (refusal.has_value()) {
    for (const Addressee& recipient : recipients_)
      Refuse("DATA", *refusal, recipient, "a rule about the content");
    ForgetTransaction();
    co_return machine_.AnswerMessage(*refusal);
  }
  const absl::Time began = absl::Now();
  using Kept = absl::StatusOr<Reception::Receipt>;
  const Kept kept =
      co_await net::Await<Kept>(loop_, [this](auto done) { reception_->Finish(std::move(done)); });
  if (kept.ok()) {
    parts_.metrics.keep_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - began));
    parts_.metrics.messages.Add(static_cast<int64_t>(kept->ids.size()));
    parts_.metrics.bytes.Add(kept->bytes);
    ++messages_;
  } else {
    Refuse("DATA", ReplyTo(kept.status()), {}, base::View(kept.status().message()));
  }
  machine_.AnswerMessage(kept.ok() ? replies::Queued(JoinIds(kept->ids)) : ReplyTo(kept.status()));
  ForgetTransaction();
}

void Session::OnMessageBad() {
  Refuse("DATA", machine_.last_reply(), {}, "the message broke a rule of SMTP or a limit");
  ForgetTransaction();
}

net::Task<bool> Session::OnStartTls() {
  ForgetTransaction();
  held_ = {};
  if (!co_await Flush()) co_return false;
  const absl::Status started = co_await connection_->StartTlsServer(
      *settings_.tls, absl::Now() + settings_.timeouts.handshake);
  if (!started.ok()) {
    end_ = base::Cat("TLS: ", started.message());
    co_return false;
  }
  parts_.metrics.sessions_tls.Add();
  facts_.set_tls(connection_->tls());
  machine_.TlsStarted();
  command_began_ = absl::Now();
  co_return true;
}

void Session::ForgetTransaction() {
  reception_.reset();
  recipients_ = {};
  spf_.reset();
  verdict_class_.reset();
  scan_may_refuse_ = true;
  triggers_ = {};
}

void Session::EndMessage() {
  if (std::exchange(message_in_hand_, false)) sessions_.messages_in_hand().fetch_sub(1);
}

// The word after "with" (RFC 3848, RFC 6531 §4.3).
std::string Session::Protocol() const {
  if (!machine_.extended()) return "SMTP";
  return base::Cat(machine_.parameters().smtp_utf8 ? "UTF8SMTP" : "ESMTP",
                   machine_.tls() ? "S" : "");
}

void Session::Refuse(std::string_view verb, const Reply& reply, const Addressee& about,
                     std::string_view reason) {
  (reply.permanent() ? parts_.metrics.refused_for_good : parts_.metrics.refused_for_now).Add();
  ++refusals_;
  v1::MailRefused event;
  event.set_session_id(facts_.session());
  *event.mutable_session() = facts_;
  event.set_sender(ToText(machine_.sender()));
  event.set_recipient(about.address);
  event.set_tenant(about.tenant);
  event.set_verb(std::string(verb));
  event.set_reply(ToText(reply));
  event.set_reason(std::string(reason));
  event.set_refused_at_us(base::NowMicros(parts_.clock));
  // News of a refusal may be lost: the sender has been told.
  bus::PublishEvent(parts_.bus, event, trace_, [](absl::Status) {});
}

void Session::LogSession() const {
  parts_.mail_log.Info("session", {{"session", facts_.session()},
                                   {"listener", facts_.listener()},
                                   {"client", facts_.client_address()},
                                   {"helo", machine_.hello()},
                                   {"tls", facts_.tls()},
                                   {"messages", messages_},
                                   {"refusals", refusals_},
                                   {"errors", machine_.errors()},
                                   {"improper_pipelining", machine_.improper_pipelining()},
                                   {"seconds", absl::ToDoubleSeconds(absl::Now() - began_)},
                                   {"end", end_}});
}

}  // namespace cleanmail::ingress
