#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/smtp/server_machine.h"

namespace cleanmail::testing {

// A mail server without a network: an SMTP server machine with a small shell that answers at once
// and keeps what it accepts. Bytes in, bytes out. Not thread-safe.
class MailRoom {
 public:
  struct Message {
    std::string sender = {};
    std::vector<std::string> recipients = {};
    std::string content = {};
    bool eight_bit = false;
    bool smtp_utf8 = false;
    bool chunked = false;
    bool tls = false;
  };

  explicit MailRoom(mail::smtp::ServerOptions options)
      : options_(std::move(options)),
        machine_(std::make_unique<mail::smtp::ServerMachine>(options_)) {}

  // Replies given to addresses (text form) or, under the empty key, to MAIL, DATA and messages:
  // "MAIL", "DATA", "END". Others are accepted.
  std::map<std::string, mail::smtp::Reply>& answers() { return answers_; }

  // What the server says to these bytes; the greeting comes with the first call.
  std::string Take(std::string_view bytes);

  // Whether the server has closed: nothing more comes.
  bool closed() const { return closed_; }
  // Whether the server waits for a TLS handshake; Handshake pretends it.
  bool wants_tls() const { return wants_tls_; }
  void Handshake() {
    machine_->TlsStarted();
    wants_tls_ = false;
  }
  const std::vector<Message>& messages() const { return messages_; }
  const mail::smtp::ServerMachine& machine() const { return *machine_; }

 private:
  void Answer(mail::smtp::ServerEvent event);
  mail::smtp::Reply ReplyTo(const std::string& key, mail::smtp::Reply otherwise) const;

  const mail::smtp::ServerOptions options_;
  std::map<std::string, mail::smtp::Reply> answers_;
  std::unique_ptr<mail::smtp::ServerMachine> machine_;
  std::vector<Message> messages_;
  Message current_;
  bool closed_ = false;
  bool wants_tls_ = false;
};

}  // namespace cleanmail::testing
