#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "libs/dns/resolver.h"
#include "libs/mail/smtp/server_machine.h"
#include "libs/net/connection_limits.h"
#include "libs/net/loops.h"
#include "libs/net/prefix.h"
#include "libs/net/tls_context.h"
#include "libs/reputation/reputations.h"
#include "libs/telemetry/log.h"
#include "services/ingress/door/dns_lists.h"
#include "services/ingress/door/greylist.h"
#include "services/ingress/door/tarpit.h"
#include "services/ingress/intake/intake.h"
#include "services/ingress/metrics.h"
#include "services/ingress/session/advisors.h"
#include "services/ingress/session/doorman.h"

namespace cleanmail::net {
class Connection;
}

namespace cleanmail::ingress {

// How SPF is asked (RFC 7208).
struct SpfSettings {
  bool off = false;
  absl::Duration deadline = absl::Seconds(5);
  // Sender domains, A-labels in lower case, that only a client their record allows may use.
  std::vector<std::string> enforced = {};
};

// What is asked about clients.
struct DoorSettings {
  bool off = false;
  absl::Duration deadline = absl::Seconds(3);
};

// How messages are scanned while their sender waits.
struct ScanSettings {
  bool off = true;
  absl::Duration deadline = absl::Seconds(8);  // for scanner and policy together
  size_t message_bytes = 4 << 20;              // larger ones are scanned later
};

struct SessionTimeouts {
  absl::Duration command = absl::Minutes(5);      // for one whole command
  absl::Duration data_block = absl::Minutes(3);   // for the next octets of a message
  absl::Duration data_total = absl::Minutes(10);  // for a whole message
  absl::Duration session = absl::Minutes(30);
  absl::Duration handshake = absl::Seconds(30);
  absl::Duration policy = absl::Seconds(5);
  absl::Duration recipient_check = absl::Seconds(6);  // the call-out's own deadline and a bit
  absl::Duration destination_lore = absl::Seconds(2);
  absl::Duration write = absl::Minutes(1);
};

// What the sessions of one listener have in common.
struct SessionSettings {
  std::string listener = {};
  Role role = Role::kMx;
  std::string postmaster = {};
  mail::smtp::ServerOptions smtp = {};
  SessionTimeouts timeouts = {};
  SpfSettings spf = {};
  ScanSettings scan = {};
  DoorSettings door = {};
  net::PrefixSet trusted_relays = {};    // gateways in front of us: their address says nothing
  const net::TlsContext* tls = nullptr;  // nullptr: STARTTLS is not offered
};

// What sessions work with; all of it outlives them.
struct SessionParts {
  net::Loops& loops;
  net::ConnectionLimits& limits;
  const directory::Directory& directory;
  MailPolicy& policy;
  MessageScan& scan;
  RecipientCheck& recipient_check;
  DestinationLore& destination_lore;
  dns::Resolver& resolver;
  const DnsLists& dns_lists;
  Intake& intake;
  bus::Bus& bus;
  base::Clock& clock;
  base::Random& random;
  telemetry::Log& mail_log;
  Metrics& metrics;
  // Null: not wanted.
  const Greylist* greylist = nullptr;
  Tarpit* tarpit = nullptr;
  const reputation::Reputations* reputations = nullptr;
};

// The SMTP sessions of one listener: a coroutine each, around the protocol machine. Thread-safe.
class Sessions {
 public:
  Sessions(SessionSettings settings, SessionParts parts)
      : settings_(std::move(settings)),
        parts_(parts),
        doorman_(settings_.role, settings_.postmaster, settings_.smtp.host_name, parts.directory) {}

  // Begins a session; for net::Listener. Does not block.
  void Take(std::unique_ptr<net::Connection> connection);
  // From now on sessions end with 421 at their next command; waits until messages in hand are
  // answered, at most until `deadline`.
  void Drain(absl::Time deadline);

  // For the sessions.
  const SessionSettings& settings() const { return settings_; }
  const SessionParts& parts() const { return parts_; }
  const Doorman& doorman() const { return doorman_; }
  bool draining() const { return draining_.load(); }
  std::atomic<int64_t>& messages_in_hand() { return messages_in_hand_; }

 private:
  const SessionSettings settings_;
  const SessionParts parts_;
  const Doorman doorman_;
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> messages_in_hand_{0};
};

}  // namespace cleanmail::ingress
