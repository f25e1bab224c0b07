#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/smtp/client_machine.h"
#include "libs/net/connection.h"
#include "libs/net/sources.h"
#include "libs/net/tls_context.h"
#include "services/egress/routing/router.h"

namespace cleanmail::egress {

// RFC 5321 §4.5.3.2.
struct SessionTimeouts {
  absl::Duration connect = absl::Seconds(30);
  absl::Duration command = absl::Minutes(5);
  absl::Duration data_block = absl::Minutes(3);
  absl::Duration data_done = absl::Minutes(10);
};

struct SessionOptions {
  std::string host_name;
  SessionTimeouts timeouts;
  net::Sources sources = {};
};

// A conversation with one server, over which several messages may go. Lives on one loop, used by
// one coroutine at a time.
class Session {
 public:
  // Connects and says hello; TLS where it is offered, and once more in the clear where its
  // handshake fails (RFC 7435). The outcome says why there is no session.
  struct Opened {
    std::unique_ptr<Session> session;  // null: see failure
    mail::smtp::Outcome failure;
  };
  static net::Task<Opened> Open(net::Loop& loop, Target target, const SessionOptions& options,
                                const net::TlsContext& tls);

  // One outcome for each recipient, in order. Afterwards usable() tells whether another message may
  // follow.
  net::Task<std::vector<mail::smtp::Outcome>> Deliver(mail::smtp::Transaction transaction,
                                                      std::string_view body);
  // Says goodbye and closes.
  net::Task<void> Quit();

  bool usable() const { return machine_.want() == mail::smtp::ClientWant::kTransaction; }
  int messages() const { return messages_; }
  // What the server offers.
  const mail::smtp::ClientMachine::Extensions& extensions() const { return machine_.extensions(); }
  net::Loop& loop() const { return connection_->loop(); }
  // `name[address]:port`.
  std::string remote() const;
  // TLS version and cipher, empty without.
  std::string tls() const { return connection_->tls(); }

 private:
  Session(std::unique_ptr<net::Connection> connection, Target target, const SessionOptions& options,
          mail::smtp::TlsPolicy policy);
  // Drives the machine until it wants a transaction or is closed.
  net::Task<void> Drive(const net::TlsContext* tls, std::string_view body,
                        std::vector<mail::smtp::Outcome>* outcomes);
  net::Task<void> SendBody(std::string_view body);
  net::Task<bool> Flush(absl::Duration within);

  std::unique_ptr<net::Connection> connection_;
  const Target target_;
  const SessionTimeouts timeouts_;
  mail::smtp::ClientMachine machine_;
  bool tls_failed_ = false;
  bool data_sent_ = false;
  int messages_ = 0;
};

}  // namespace cleanmail::egress
