#include "libs/mail/smtp/client_machine.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::smtp {
namespace {

// RCPTs sent before their replies are read: enough to hide the round trip, few enough that neither
// side's buffers fill.
constexpr size_t kRecipientsTogether = 100;
constexpr size_t kChunkBytes = 64 * 1024;

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

bool IsSafeAddress(std::string_view address) {
  return std::all_of(address.begin(), address.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool Completed(const Reply& reply) { return reply.code >= 200 && reply.code < 300; }

}  // namespace

void ClientMachine::Send(std::string_view line, Expect expect) {
  output_ += line;
  output_ += "\r\n";
  expected_.push_back(expect);
}

void ClientMachine::Feed(std::string_view bytes) {
  while (!bytes.empty() && !failure_ && want_ != ClientWant::kClosed &&
         want_ != ClientWant::kStartTls) {
    const absl::StatusOr<std::optional<Reply>> reply = reader_.Read(bytes);
    if (!reply.ok())
      return Fail({451, "4.5.0", std::string(reply.status().message())}, StageNow(),
                  /*local=*/true);
    if (!*reply) return;
    Handle(**reply);
  }
}

void ClientMachine::Handle(const Reply& reply) {
  if (reply.code == 421) return Fail(reply, StageNow(), /*local=*/false);
  if (next_expected_ == expected_.size()) {
    // Unasked: a server that refuses in the middle of the message, or talks out of turn.
    if (!reply.positive()) return Fail(reply, StageNow(), /*local=*/false);
    return Fail({451, "4.5.0", "the server replied without being asked"}, StageNow(),
                /*local=*/true);
  }
  const Expect expect = expected_[next_expected_++];
  if (next_expected_ == expected_.size()) {
    expected_.clear();
    next_expected_ = 0;
  }
  switch (expect) {
    case Expect::kGreeting:
      return OnGreeting(reply);
    case Expect::kEhlo:
      return OnEhlo(reply);
    case Expect::kHelo:
      if (!Completed(reply)) return Fail(reply, Stage::kHello, /*local=*/false);
      extensions_ = {};
      want_ = ClientWant::kTransaction;
      return;
    case Expect::kStartTls:
      return OnStartTls(reply);
    case Expect::kMail:
      return OnMail(reply);
    case Expect::kRecipient:
      return OnRecipient(reply);
    case Expect::kData:
      return OnData(reply);
    case Expect::kChunk:
      if (Completed(reply)) return;
      chunk_refused_ = true;
      return SettleAll(reply, Stage::kData, /*local=*/false);
    case Expect::kEnd:
      return OnEnd(reply);
    case Expect::kReset:
      if (!Completed(reply)) return Fail(reply, Stage::kMail, /*local=*/false);
      if (!Pipelines()) SendMail();
      return;
    case Expect::kQuit:
      want_ = ClientWant::kClosed;
      return;
  }
}

void ClientMachine::OnGreeting(const Reply& reply) {
  if (reply.code != 220) {
    // RFC 7504 §3, RFC 5321 §3.1: the session is over; we still say goodbye.
    output_ += "QUIT\r\n";
    return Fail(reply, Stage::kConnect, /*local=*/false);
  }
  greeting_ = reply.text.substr(0, std::min(reply.text.find('\n'), reply.text.size()));
  SendHello();
}

void ClientMachine::OnEhlo(const Reply& reply) {
  extensions_ = {};
  if (reply.transient()) return Fail(reply, Stage::kHello, /*local=*/false);
  if (!Completed(reply)) {
    if (options_.tls == TlsPolicy::kMust || tls_)
      return Fail(reply, Stage::kHello, /*local=*/false);
    return Send("HELO " + options_.host_name, Expect::kHelo);
  }
  ReadExtensions(reply.text);
  if (tls_ || options_.tls == TlsPolicy::kNever) {
    want_ = ClientWant::kTransaction;
  } else if (extensions_.starttls) {
    Send("STARTTLS", Expect::kStartTls);
  } else if (options_.tls == TlsPolicy::kMust) {
    Fail({454, "4.7.5", "TLS is demanded for this destination, and the server does not offer it"},
         Stage::kTls, /*local=*/true);
  } else {
    want_ = ClientWant::kTransaction;
  }
}

void ClientMachine::ReadExtensions(std::string_view text) {
  extensions_.esmtp = true;
  size_t start = std::min(text.find('\n'), text.size());  // the first line is the server's name
  while (start < text.size()) {
    const size_t end = std::min(text.find('\n', start + 1), text.size());
    const std::string_view line = text.substr(start + 1, end - start - 1);
    start = end;
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view keyword = line.substr(0, space);
    if (Same(keyword, "PIPELINING")) extensions_.pipelining = true;
    if (Same(keyword, "8BITMIME")) extensions_.eight_bit = true;
    if (Same(keyword, "SMTPUTF8")) extensions_.smtp_utf8 = true;
    if (Same(keyword, "CHUNKING")) extensions_.chunking = true;
    if (Same(keyword, "STARTTLS")) extensions_.starttls = true;
    if (Same(keyword, "DSN")) extensions_.dsn = true;
    if (Same(keyword, "SIZE")) {
      extensions_.size = true;
      int64_t limit = 0;
      if (absl::SimpleAtoi(base::AbslView(line.substr(space)), &limit) && limit > 0)
        extensions_.max_size = limit;
    }
  }
}

void ClientMachine::OnStartTls(const Reply& reply) {
  if (reply.code == 220) {
    reader_.Clear();
    want_ = ClientWant::kStartTls;  // Feed drops whatever came with this reply (CVE-2021-38371)
    return;
  }
  if (options_.tls == TlsPolicy::kMust) {
    return Fail({454, "4.7.5",
                 base::Cat("TLS is demanded for this destination, and the server refused it: ",
                           ToText(reply))},
                Stage::kTls, /*local=*/true);
  }
  want_ = ClientWant::kTransaction;
}

void ClientMachine::TlsStarted() {
  tls_ = true;
  extensions_ = {};
  want_ = ClientWant::kInput;
  SendHello();
}

void ClientMachine::TlsFailed(std::string_view why) {
  Fail({454, "4.7.5", base::Cat("the TLS handshake failed: ", why)}, Stage::kTls, /*local=*/true);
}

std::optional<Reply> ClientMachine::LocalRefusal() const {
  const bool safe =
      IsSafeAddress(transaction_.sender) &&
      std::all_of(transaction_.recipients.begin(), transaction_.recipients.end(), IsSafeAddress);
  if (!safe) return Reply{553, "5.1.3", "an address holds control characters"};
  if (transaction_.smtp_utf8 && !extensions_.smtp_utf8) {
    return Reply{550, "5.6.7", "the message needs SMTPUTF8, and the server does not offer it"};
  }
  if (extensions_.max_size > 0 && transaction_.size > extensions_.max_size) {
    return Reply{552, "5.3.4",
                 base::Cat("the message is too big for the server, whose limit is ",
                           extensions_.max_size, " octets")};
  }
  return std::nullopt;
}

void ClientMachine::Begin(Transaction transaction) {
  if (want_ != ClientWant::kTransaction) return;
  transaction_ = std::move(transaction);
  outcomes_.assign(transaction_.recipients.size(), std::nullopt);
  active_ = true;
  recipients_sent_ = recipients_answered_ = accepted_ = 0;
  data_sent_ = chunk_refused_ = false;
  encoder_.reset();
  want_ = ClientWant::kInput;
  if (const std::optional<Reply> refusal = LocalRefusal()) {
    SettleAll(*refusal, Stage::kMail, /*local=*/true);
    return EndTransaction();
  }
  const bool reset = std::exchange(must_reset_, false);
  if (reset) Send("RSET", Expect::kReset);
  if (!reset || Pipelines()) SendMail();
}

void ClientMachine::SendMail() {
  std::string line = base::Cat("MAIL FROM:<", transaction_.sender, ">");
  if (extensions_.size && transaction_.size > 0) line += base::Cat(" SIZE=", transaction_.size);
  if (extensions_.eight_bit && transaction_.eight_bit) line += " BODY=8BITMIME";
  if (transaction_.smtp_utf8) line += " SMTPUTF8";
  if (extensions_.dsn) {
    if (transaction_.dsn_return == "FULL" || transaction_.dsn_return == "HDRS")
      line += base::Cat(" RET=", transaction_.dsn_return);
    if (!transaction_.envelope_id.empty())
      line += base::Cat(" ENVID=", EncodeXtext(transaction_.envelope_id));
  }
  Send(line, Expect::kMail);
  if (Pipelines()) SendRecipients();
}

void ClientMachine::SendRecipients() {
  const size_t total = transaction_.recipients.size();
  const size_t stop = Pipelines() ? std::min(total, recipients_sent_ + kRecipientsTogether)
                                  : std::min(total, recipients_sent_ + 1);
  for (; recipients_sent_ < stop; ++recipients_sent_) {
    std::string line = base::Cat("RCPT TO:<", transaction_.recipients[recipients_sent_], ">");
    if (extensions_.dsn && recipients_sent_ < transaction_.recipient_parameters.size())
      line += ToText(transaction_.recipient_parameters[recipients_sent_]);
    Send(line, Expect::kRecipient);
  }
  if (Pipelines() && recipients_sent_ == total && !UseChunks() && !transaction_.recipients_only)
    SendData();
}

void ClientMachine::SendData() {
  data_sent_ = true;
  if (UseChunks()) {
    encoder_.emplace(/*dots=*/false);
    want_ = ClientWant::kBody;
    return;
  }
  Send("DATA", Expect::kData);
}

void ClientMachine::OnMail(const Reply& reply) {
  if (!Completed(reply)) {
    SettleAll(reply, Stage::kMail, /*local=*/false);
    // Replies to what was sent along are still to come.
    if (recipients_sent_ == 0) EndTransaction();
    return;
  }
  must_reset_ = true;
  if (!Pipelines()) SendRecipients();
}

void ClientMachine::OnRecipient(const Reply& reply) {
  std::optional<Outcome>& outcome = outcomes_[recipients_answered_++];
  if (!outcome) {
    if (Completed(reply) && !transaction_.recipients_only) {
      ++accepted_;
    } else {
      outcome = Outcome{.reply = reply, .stage = Stage::kRecipient};
    }
  }
  if (recipients_answered_ < recipients_sent_ || data_sent_) return;
  const bool refused = accepted_ == 0 && !must_reset_;
  if (recipients_sent_ < transaction_.recipients.size() && !refused) return SendRecipients();
  if (accepted_ == 0) return EndTransaction();
  SendData();
}

void ClientMachine::OnData(const Reply& reply) {
  if (reply.code != 354) {
    const Reply refusal =
        reply.positive() ? Reply{451, "4.5.0", "the server did not answer DATA with 354"} : reply;
    SettleAll(refusal, Stage::kData, /*local=*/reply.positive());
    return EndTransaction();
  }
  if (accepted_ == 0) {
    // RFC 2920 §3.1: a server that wants data for nobody gets an empty message.
    return Send(".", Expect::kEnd);
  }
  encoder_.emplace(/*dots=*/true);
  want_ = ClientWant::kBody;
}

void ClientMachine::Body(std::string_view part) {
  if (want_ != ClientWant::kBody) return;
  if (!UseChunks()) return encoder_->Encode(part, output_);
  encoder_->Encode(part, chunk_);
  if (chunk_.size() < kChunkBytes) return;
  Send(base::Cat("BDAT ", chunk_.size()), Expect::kChunk);
  output_ += std::exchange(chunk_, {});
}

void ClientMachine::EndBody() {
  if (want_ != ClientWant::kBody) return;
  want_ = ClientWant::kInput;
  if (!UseChunks()) {
    encoder_->Finish(output_);
    expected_.push_back(Expect::kEnd);
    return;
  }
  encoder_->Finish(chunk_);
  Send(base::Cat("BDAT ", chunk_.size(), " LAST"), Expect::kEnd);
  output_ += std::exchange(chunk_, {});
}

void ClientMachine::OnEnd(const Reply& reply) {
  must_reset_ = chunk_refused_ || accepted_ == 0;
  if (reply.code >= 300 && reply.code < 400) {
    return Fail({451, "4.5.0", "the server's answer to the message makes no sense"}, Stage::kEnd,
                /*local=*/true);
  }
  SettleAll(reply, Stage::kEnd, /*local=*/false);
  EndTransaction();
}

void ClientMachine::SettleAll(const Reply& reply, Stage stage, bool local) {
  for (std::optional<Outcome>& outcome : outcomes_) {
    if (!outcome) outcome = Outcome{.reply = reply, .stage = stage, .local = local};
  }
}

void ClientMachine::EndTransaction() {
  active_ = false;
  encoder_.reset();
  want_ = ClientWant::kResult;
}

std::vector<Outcome> ClientMachine::TakeOutcomes() {
  std::vector<Outcome> outcomes;
  for (std::optional<Outcome>& outcome : outcomes_)
    outcomes.push_back(std::move(outcome).value_or(Outcome{}));
  outcomes_.clear();
  want_ = failure_ ? ClientWant::kClosed : ClientWant::kTransaction;
  return outcomes;
}

void ClientMachine::Quit() {
  if (want_ != ClientWant::kTransaction) return;
  Send("QUIT", Expect::kQuit);
  want_ = ClientWant::kInput;
}

void ClientMachine::Disconnected(std::string_view why) {
  if (failure_ || want_ == ClientWant::kClosed || want_ == ClientWant::kResult) return;
  if (next_expected_ < expected_.size() && expected_[next_expected_] == Expect::kQuit) {
    want_ = ClientWant::kClosed;
    return;
  }
  output_.clear();
  Fail({421, "4.4.2", std::string(why)}, StageNow(), /*local=*/true);
}

void ClientMachine::Fail(const Reply& reply, Stage stage, bool local) {
  failure_ = Outcome{.reply = reply, .stage = stage, .local = local};
  expected_.clear();
  next_expected_ = 0;
  encoder_.reset();
  if (active_) {
    SettleAll(reply, stage, local);
    return EndTransaction();
  }
  // A session that never came to its first transaction: whoever wants to begin one finds kClosed
  // and failure().
  want_ = ClientWant::kClosed;
}

Stage ClientMachine::StageNow() const {
  if (next_expected_ == expected_.size()) return encoder_ ? Stage::kData : Stage::kMail;
  switch (expected_[next_expected_]) {
    case Expect::kGreeting:
      return Stage::kConnect;
    case Expect::kEhlo:
    case Expect::kHelo:
      return Stage::kHello;
    case Expect::kStartTls:
      return Stage::kTls;
    case Expect::kMail:
    case Expect::kReset:
      return Stage::kMail;
    case Expect::kRecipient:
      return Stage::kRecipient;
    case Expect::kData:
    case Expect::kChunk:
      return Stage::kData;
    case Expect::kEnd:
      return Stage::kEnd;
    case Expect::kQuit:
      return Stage::kEnd;
  }
  return Stage::kConnect;
}

}  // namespace cleanmail::mail::smtp
