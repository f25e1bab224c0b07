#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/dns/resolver.h"
#include "libs/net/connection.h"
#include "libs/net/destination_policy.h"
#include "libs/net/sources.h"
#include "libs/net/tls_context.h"
#include "services/provisioning/callout/verdict.h"

namespace cleanmail::provisioning::callout {

// Whom to ask about whom.
struct Question {
  std::string domain = {};
  std::string home = {};                // whose MX is asked; empty: the domain's own
  std::vector<std::string> route = {};  // host:port; empty: the MX
  std::string address = {};
  std::string known_good = {};  // asked too where the verdict hangs on it; empty: postmaster
  std::string impossible = {};  // asked too after a yes, to see whether all are taken; empty: no
};

struct Finding {
  Verdict verdict = {};
  std::string server = {};        // `name[address]:port`; empty: none was reached
  bool accepts_all = false;       // `impossible` was taken
  bool good_was_refused = false;  // `known_good` was said not to exist
};

struct ProbeOptions {
  std::string host_name = {};
  uint16_t smtp_port = 25;
  net::Sources sources = {};
};

// Asks destinations over SMTP: EHLO, STARTTLS where offered (whoever answers), MAIL FROM:<>, RCPT,
// RSET, QUIT; never a message. Thread-safe.
class Prober {
 public:
  // All outlive it.
  Prober(dns::Resolver& resolver, const net::TlsContext& tls,
         const net::DestinationPolicy& destinations, ProbeOptions options)
      : resolver_(resolver), tls_(tls), destinations_(destinations), options_(std::move(options)) {}

  // Runs on `loop`; ends by the deadline. Servers are tried in turn until one has answered RCPT.
  net::Task<Finding> Ask(net::Loop& loop, Question question, absl::Time deadline);

 private:
  struct Server {
    std::string host;
    net::Endpoint endpoint;
  };
  net::Task<absl::StatusOr<std::vector<Server>>> Servers(net::Loop& loop, const Question& question,
                                                         absl::Time deadline);
  net::Task<absl::Status> Resolve(net::Loop& loop, std::string host, uint16_t port,
                                  absl::Time deadline, std::vector<Server>& servers);
  net::Task<bool> AskServer(net::Loop& loop, const Server& server, const Question& question,
                            absl::Time deadline, Finding& finding);
  void Add(const std::string& host, const net::Endpoint& endpoint, absl::Status& refused,
           std::vector<Server>& servers) const;

  dns::Resolver& resolver_;
  const net::TlsContext& tls_;
  const net::DestinationPolicy& destinations_;
  const ProbeOptions options_;
};

}  // namespace cleanmail::provisioning::callout
