#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/smtp/shell/blocking_client.h"
#include "libs/net/loops.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"
#include "proto/cleanmail/quarantine/v1/quarantine.pb.h"
#include "proto/cleanmail/reporting/v1/reporting.pb.h"
#include "tests/e2e/deployment.h"
#include "tests/sink/sink.h"

namespace cleanmail::e2e {

// A gateway inside this program, of whichever profile is linked in (deployment.h), and a mailbox
// server it delivers to. The verbs of a story.
class Gateway {
 public:
  struct Options {
    std::string scanner = {};  // YAML lines under `scanner:`
    std::string egress = "  first_retry: 200ms\n  longest_retry: 1s\n";
    std::string ingress = {};                // further YAML lines under `ingress:`
    std::string app = {};                    // further YAML lines under `app:`
    std::string dns = "records_only: true";  // `app.dns`; records must be quoted
    std::string destinations = {};           // further keys of `app.destinations`, ", key: value"
    std::string host_name = "gateway.example";
    std::string mx = {};         // further keys of the MX listener, ", key: value"
    std::string listeners = {};  // further listeners, YAML lines
    std::string portal = {};     // YAML lines under `portal:`
  };
  Gateway() : Gateway(Options()) {}
  explicit Gateway(const Options& options);
  ~Gateway();

  sink::Sink& sink() { return *sinks_.front(); }
  // One more mailbox server, at a port the system chooses unless told. It lives as long as this.
  sink::Sink& AddSink(uint16_t port = 0, int64_t message_bytes = 0);
  net::Loops& loops() { return *loops_; }
  // Of a listener, by its name.
  uint16_t port(const std::string& listener = "mx") const;
  // The socket of the REST API for this machine's operator.
  std::string api_socket() const;
  // Stops and starts all of it over what it has kept; waits until it is ready.
  void Restart();

  // Each fails the test with the reason when refused. A domain gets a route to the sink, or to
  // `destination`.
  void AddTenant(const std::string& id, std::vector<std::string> sending_networks = {});
  void AddDomain(const std::string& tenant, const std::string& domain,
                 bool accounts_required = false, const std::string& destination = "");
  // Has strangers compared with the tenant's domains and with this person's name.
  void Protect(const std::string& tenant, const std::string& person);
  void AddUser(const std::string& tenant, const std::string& address,
               std::vector<std::string> aliases = {});
  void AddRoute(const std::string& tenant, const std::string& domain,
                const std::string& destination);

  // Makes or changes a tenant's policy; `policy` is a policy.v1.Policy as text. In force a moment
  // later.
  void SetPolicy(const std::string& tenant, const std::string& id, const std::string& policy);

  // Sends a mail; one outcome a recipient.
  std::vector<mail::smtp::Outcome> Send(const mail::smtp::Transaction& transaction,
                                        std::string_view content, bool bdat = false,
                                        const std::string& listener = "mx");
  // Sends a mail that must be accepted; the ids of the messages it became.
  std::vector<std::string> Accept(const std::vector<std::string>& recipients,
                                  std::string_view content,
                                  const std::string& sender = "eve@example.net");

  std::vector<quarantine::v1::Hold> Holds(bool only_held = true);
  quarantine::v1::Hold Hold(const std::string& message);
  absl::StatusOr<quarantine::v1::Hold> Release(const std::string& message,
                                               std::vector<std::string> recipients = {});
  absl::StatusOr<reporting::v1::Message> Trace(const std::string& message);
  // What happened to a message, in order: "received", "scanned", …
  std::vector<std::string> Story(const std::string& message);
  // Waits until that is in the message's story.
  void WaitFor(const std::string& message, const std::string& what);
  // The details of a message's story, one a line.
  std::string Details(const std::string& message);
  int Retry();
  // What the operations ports of all processes answer, one after the other: "/readyz", "/metrics".
  std::string Operations(const std::string& path);
  // Sum of a metric over its labels and processes.
  double Metric(std::string_view name);
  // Lines of the mail log so far, of all processes.
  std::vector<std::string> MailLog();

  // Waits until `is_true`; a test failure naming `what` when it does not come.
  static bool WaitUntil(const std::function<bool()>& is_true, std::string_view what,
                        absl::Duration patience = absl::Seconds(30));

 private:
  template <class Service, class Method, class Request>
  auto Call(Method method, const Request& request);
  void WaitReady();
  // Waits until every process knows of something new in the directory.
  void WaitForDirectory(const std::function<bool(directory::Directory&)>& knows,
                        std::string_view what);

  std::unique_ptr<net::Loops> loops_;
  std::vector<std::unique_ptr<sink::Sink>> sinks_;
  std::unique_ptr<Deployment> deployment_;
};

// A mail of one line of text.
std::string TextMail(std::string_view subject, std::string_view text = "Hello.");
// The GTUBE sample, the EICAR sample as an attachment.
std::string GtubeMail();
std::string EicarMail();
// A port of loopback at which nobody listens as long as this lives.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  uint16_t port() const { return port_; }
  // Lets it go, for somebody who will listen.
  void Free();

 private:
  int fd_ = -1;
  uint16_t port_ = 0;
};

// `mail` without the trace headers the gateway has put in front.
std::string WithoutTrace(const std::string& mail);

}  // namespace cleanmail::e2e
