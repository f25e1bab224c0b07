#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/mail/smtp/content_encoder.h"
#include "libs/mail/smtp/notification.h"
#include "libs/mail/smtp/reply.h"

namespace cleanmail::mail::smtp {

enum class TlsPolicy {
  kNever,
  kMay,   // STARTTLS where offered; without it, or when the server refuses it, in the clear
  kMust,  // no mail without TLS
};

struct ClientOptions {
  std::string host_name = {};  // for EHLO
  TlsPolicy tls = TlsPolicy::kMay;
  bool chunking = false;   // BDAT where offered
  bool pipelining = true;  // where offered
};

// A message to hand over. Addresses are canonical text without angle brackets (address::ToText),
// the null sender empty.
struct Transaction {
  std::string sender = {};
  std::vector<std::string> recipients = {};
  bool smtp_utf8 = false;  // only to servers that offer it (RFC 6531)
  bool eight_bit = false;
  int64_t size = 0;  // for SIZE=, 0 unknown
  // Only ask whether the recipients would be taken: the transaction ends after the last RCPT,
  // every outcome is the server's answer to it (Stage::kRecipient), no message is sent.
  bool recipients_only = false;
  // What the sender asked to be told (RFC 3461); passed on where the server offers DSN.
  std::string dsn_return = {};                                 // "FULL", "HDRS" or empty
  std::string envelope_id = {};                                // decoded
  std::vector<RecipientParameters> recipient_parameters = {};  // one for each recipient, or none
};

// Where in the conversation a reply came.
enum class Stage { kConnect, kHello, kTls, kMail, kRecipient, kData, kEnd };

// What became of one recipient. `reply` is the server's, or one made here in its form when the
// server gave none (`local`): 421 4.4.2 for a lost connection, 550 5.6.7 where SMTPUTF8 is missing,
// 552 5.3.4 where SIZE forbids, 454 4.7.5 where TLS was demanded.
struct Outcome {
  Reply reply = {};
  Stage stage = Stage::kConnect;
  bool local = false;
  bool delivered() const { return stage == Stage::kEnd && reply.code >= 200 && reply.code < 300; }
};

// What the machine wants of its shell, once its output has been sent.
enum class ClientWant {
  kInput,        // read and Feed
  kStartTls,     // do the handshake, then TlsStarted or TlsFailed
  kTransaction,  // ready: Begin, or Quit
  kBody,         // the message: Body as often as needed, sending TakeOutput between, then EndBody
  kResult,       // TakeOutcomes, then look again
  kClosed,       // nothing more to do: close
};

// The client's side of SMTP without any I/O. Hostile servers are expected: replies are bounded
// (ReplyReader), what a server sends before a TLS handshake is dropped (RFC 3207 §4.2), and nothing
// but CRLF lines ever goes out. A shell goes round like this:
//
//   while (true) {
//     write(machine.TakeOutput());
//     switch (machine.want()) {
//       case kInput: bytes = read(); bytes.empty() ? machine.Disconnected() : machine.Feed(bytes);
//       break; case kTransaction: next ? machine.Begin(*next) : machine.Quit(); break; …
//
// Several transactions may follow each other on one connection. Not thread-safe.
class ClientMachine {
 public:
  explicit ClientMachine(ClientOptions options) : options_(std::move(options)) {}

  ClientWant want() const { return want_; }
  std::string TakeOutput() { return std::exchange(output_, {}); }

  // Bytes from the server.
  void Feed(std::string_view bytes);
  // The server has closed, or the shell waited too long; `why` for the outcomes. A message whose
  // end was sent but not answered counts as not delivered: it will be tried again and may arrive
  // twice.
  void Disconnected(std::string_view why = "the server closed the connection");
  void TlsStarted();
  // Under kMay the shell may connect again with kNever; here it ends the session.
  void TlsFailed(std::string_view why);

  // Only at kTransaction.
  void Begin(Transaction transaction);
  // Ends an idle session politely.
  void Quit();

  // Only at kBody: the next part of the message as it is to be read by its receiver (undoubled
  // dots).
  void Body(std::string_view part);
  void EndBody();

  // At kResult: one for each recipient, in order.
  std::vector<Outcome> TakeOutcomes();
  // Why the session ended early, as the reply that ended it; nullopt when it did not.
  const std::optional<Outcome>& failure() const { return failure_; }

  bool tls() const { return tls_; }
  // What the server offered last.
  struct Extensions {
    bool esmtp = false, pipelining = false, size = false, eight_bit = false, smtp_utf8 = false,
         chunking = false, starttls = false, dsn = false;
    int64_t max_size = 0;  // 0: none said
  };
  const Extensions& extensions() const { return extensions_; }
  // The server's name as it gave it in its greeting, for logs; hostile.
  const std::string& greeting() const { return greeting_; }

 private:
  enum class Expect : uint8_t {
    kGreeting,
    kEhlo,
    kHelo,
    kStartTls,
    kMail,
    kRecipient,
    kData,
    kChunk,
    kEnd,
    kReset,
    kQuit
  };

  void Send(std::string_view line, Expect expect);
  void Handle(const Reply& reply);
  void OnGreeting(const Reply& reply);
  void OnEhlo(const Reply& reply);
  void OnStartTls(const Reply& reply);
  void OnMail(const Reply& reply);
  void OnRecipient(const Reply& reply);
  void OnData(const Reply& reply);
  void OnEnd(const Reply& reply);
  void ReadExtensions(std::string_view text);
  void SendHello() { Send("EHLO " + options_.host_name, Expect::kEhlo); }
  void SendMail();
  void SendRecipients();
  void SendData();
  std::optional<Reply> LocalRefusal() const;
  void SettleAll(const Reply& reply, Stage stage, bool local);
  void EndTransaction();
  void Fail(const Reply& reply, Stage stage, bool local);
  Stage StageNow() const;
  bool UseChunks() const { return options_.chunking && extensions_.chunking; }
  bool Pipelines() const { return options_.pipelining && extensions_.pipelining; }

  const ClientOptions options_;
  ClientWant want_ = ClientWant::kInput;
  std::string output_;
  ReplyReader reader_;
  std::vector<Expect> expected_{
      Expect::kGreeting};  // replies still to come, in order from next_expected_
  size_t next_expected_ = 0;
  Extensions extensions_;
  std::string greeting_;
  bool tls_ = false;

  bool active_ = false;
  bool must_reset_ = false;
  Transaction transaction_;
  std::vector<std::optional<Outcome>> outcomes_;
  size_t recipients_sent_ = 0;
  size_t recipients_answered_ = 0;
  size_t accepted_ = 0;
  bool data_sent_ = false;
  std::optional<ContentEncoder> encoder_;
  std::string chunk_;
  bool chunk_refused_ = false;
  std::optional<Outcome> failure_;
};

}  // namespace cleanmail::mail::smtp
