#include "services/provisioning/callout/probe.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/smtp/client_machine.h"
#include "libs/net/host_port.h"

namespace cleanmail::provisioning::callout {
namespace {

using mail::smtp::ClientMachine;
using mail::smtp::ClientWant;
using mail::smtp::Outcome;
using mail::smtp::TlsPolicy;

constexpr size_t kMostHosts = 5;
constexpr size_t kMostServers = 6;

// One connection driven by the machine. Lives on one loop.
class Conversation {
 public:
  Conversation(std::unique_ptr<net::Connection> connection, std::string host_name, TlsPolicy tls,
               absl::Time deadline)
      : connection_(std::move(connection)),
        machine_({.host_name = std::move(host_name), .tls = tls}),
        deadline_(deadline) {}

  // Until a transaction may begin or all is over.
  net::Task<void> Hello(const net::TlsContext& tls, std::string host) {
    co_await Drive(&tls, std::move(host), nullptr);
  }
  bool ready() const { return machine_.want() == ClientWant::kTransaction; }
  bool tls_failed() const { return tls_failed_; }
  Outcome failure() const {
    return machine_.failure().value_or(Outcome{
        .reply = {.code = 421, .enhanced = "4.4.2", .text = "no conversation"}, .local = true});
  }

  net::Task<Outcome> Recipient(std::string address) {
    std::vector<Outcome> outcomes;
    machine_.Begin({.sender = "", .recipients = {std::move(address)}, .recipients_only = true});
    co_await Drive(nullptr, {}, &outcomes);
    co_return outcomes.empty() ? failure() : outcomes[0];
  }

  net::Task<void> Quit() {
    if (ready()) {
      machine_.Quit();
      co_await Drive(nullptr, {}, nullptr);
    }
    connection_->Close();
  }

 private:
  net::Task<void> Drive(const net::TlsContext* tls, std::string host,
                        std::vector<Outcome>* outcomes) {
    for (;;) {
      const std::string output = machine_.TakeOutput();
      if (!output.empty()) {
        const absl::Status written = co_await connection_->Write(output, deadline_);
        if (!written.ok()) machine_.Disconnected(base::View(written.message()));
      }
      switch (machine_.want()) {
        case ClientWant::kInput: {
          const auto bytes = co_await connection_->ReadSome(deadline_);
          if (!bytes.ok()) {
            machine_.Disconnected(base::View(bytes.status().message()));
          } else if (bytes->empty()) {
            machine_.Disconnected();
          } else {
            machine_.Feed(*bytes);
          }
          break;
        }
        case ClientWant::kStartTls: {
          const absl::Status started = co_await connection_->StartTlsClient(*tls, host, deadline_);
          tls_failed_ = !started.ok();
          if (started.ok()) {
            machine_.TlsStarted();
          } else {
            machine_.TlsFailed(base::View(started.message()));
          }
          break;
        }
        case ClientWant::kResult: {
          std::vector<Outcome> taken = machine_.TakeOutcomes();
          if (outcomes != nullptr) *outcomes = std::move(taken);
          break;
        }
        case ClientWant::kBody:  // never: only recipients are asked for
        case ClientWant::kClosed:
          connection_->Close();
          co_return;
        case ClientWant::kTransaction:
          co_return;
      }
    }
  }

  std::unique_ptr<net::Connection> connection_;
  ClientMachine machine_;
  const absl::Time deadline_;
  bool tls_failed_ = false;
};

net::Task<absl::StatusOr<dns::Answer>> Lookup(net::Loop& loop, dns::Resolver& resolver,
                                              dns::Question question, absl::Time deadline) {
  auto start = [&resolver, &question, deadline](auto done) {
    resolver.Lookup(question, deadline, std::move(done));
  };
  co_return co_await net::Await<absl::StatusOr<dns::Answer>>(loop, start);
}

}  // namespace

void Prober::Add(const std::string& host, const net::Endpoint& endpoint, absl::Status& refused,
                 std::vector<Server>& servers) const {
  const absl::Status allowed = destinations_.Check(endpoint);
  if (!allowed.ok()) {
    refused = allowed;
  } else if (servers.size() < kMostServers) {
    servers.push_back({.host = host, .endpoint = endpoint});
  }
}

net::Task<absl::Status> Prober::Resolve(net::Loop& loop, std::string host, uint16_t port,
                                        absl::Time deadline, std::vector<Server>& servers) {
  absl::Status why;
  for (const dns::Type type : {dns::Type::kA, dns::Type::kAaaa}) {
    // Named: gcc 12 destroys a temporary made from braces in a co_await expression twice.
    const dns::Question asked{.name = host, .type = type};
    const auto answer = co_await Lookup(loop, resolver_, asked, deadline);
    if (!answer.ok()) {
      if (!absl::IsNotFound(answer.status())) why = answer.status();
      continue;
    }
    for (const std::string& text : answer->addresses) {
      const auto address = net::IpAddress::Parse(text);
      if (address.ok()) Add(host, {.address = *address, .port = port}, why, servers);
    }
  }
  co_return why;
}

net::Task<absl::StatusOr<std::vector<Prober::Server>>> Prober::Servers(net::Loop& loop,
                                                                       const Question& question,
                                                                       absl::Time deadline) {
  std::vector<net::HostPort> hosts;
  for (const std::string& destination : question.route) {
    const auto host = net::ParseHostPort(destination, options_.smtp_port);
    if (host.ok()) hosts.push_back(*host);
  }
  if (question.route.empty()) {
    const dns::Question asked{.name = question.home.empty() ? question.domain : question.home,
                              .type = dns::Type::kMx};
    auto answer = co_await Lookup(loop, resolver_, asked, deadline);
    if (!answer.ok()) co_return answer.status();
    std::ranges::stable_sort(answer->mx, {}, &dns::MxRecord::preference);
    const std::string us = absl::AsciiStrToLower(options_.host_name);
    for (const dns::MxRecord& mx : answer->mx) {
      // What stands at or behind us in the list leads back to us.
      if (mx.exchange == us) break;
      if (!mx.exchange.empty())
        hosts.push_back({.host = mx.exchange, .port = options_.smtp_port, .is_address = false});
    }
  }
  if (hosts.size() > kMostHosts) hosts.resize(kMostHosts);
  std::vector<Server> servers;
  absl::Status why = absl::NotFoundError("there is no route, and no MX but this gateway");
  for (const net::HostPort& host : hosts) {
    if (host.is_address) {
      const auto address = net::IpAddress::Parse(host.host);
      if (address.ok()) Add(host.host, {.address = *address, .port = host.port}, why, servers);
      continue;
    }
    const absl::Status resolved = co_await Resolve(loop, host.host, host.port, deadline, servers);
    if (!resolved.ok()) why = resolved;
  }
  if (servers.empty()) co_return why;
  co_return servers;
}

net::Task<bool> Prober::AskServer(net::Loop& loop, const Server& server, const Question& question,
                                  absl::Time deadline, Finding& finding) {
  finding.server =
      base::Cat(server.host, "[", server.endpoint.address.ToString(), "]:", server.endpoint.port);
  const auto source = options_.sources.For(server.endpoint.address);
  if (!source.ok()) {
    finding.verdict.words = base::Cat("no connection: ", source.status().message());
    co_return false;
  }
  for (const TlsPolicy policy : {TlsPolicy::kMay, TlsPolicy::kNever}) {
    auto connection = co_await net::Connect(loop, server.endpoint, deadline, *source);
    if (!connection.ok()) {
      finding.verdict.words = base::Cat("no connection: ", connection.status().message());
      co_return false;
    }
    Conversation conversation(*std::move(connection), options_.host_name, policy, deadline);
    co_await conversation.Hello(tls_, server.host);
    if (!conversation.ready()) {
      finding.verdict.words = mail::smtp::ToText(conversation.failure().reply);
      if (conversation.tls_failed()) continue;  // once more in the clear: nothing secret is sent
      co_return false;
    }
    const Outcome asked = co_await conversation.Recipient(question.address);
    bool good_passed = false;
    if (NeedsKnownGood(asked) && conversation.ready()) {
      const std::string good = question.known_good.empty()
                                   ? base::Cat("postmaster@", question.domain)
                                   : question.known_good;
      const Outcome outcome = co_await conversation.Recipient(good);
      good_passed = outcome.reply.positive();
      finding.good_was_refused = !question.known_good.empty() && outcome.reply.permanent() &&
                                 outcome.stage == mail::smtp::Stage::kRecipient;
    }
    finding.verdict = Judge(asked, good_passed);
    if (finding.verdict.answer == Answer::kExists && !question.impossible.empty() &&
        conversation.ready()) {
      const Outcome outcome = co_await conversation.Recipient(question.impossible);
      finding.accepts_all = outcome.reply.positive();
    }
    co_await conversation.Quit();
    co_return asked.stage == mail::smtp::Stage::kRecipient && !asked.local;
  }
  co_return false;
}

net::Task<Finding> Prober::Ask(net::Loop& loop, Question question, absl::Time deadline) {
  Finding finding;
  const auto servers = co_await Servers(loop, question, deadline);
  if (!servers.ok()) {
    finding.verdict.words = std::string(servers.status().message());
    co_return finding;
  }
  for (const Server& server : *servers) {
    finding = {};
    const bool answered = co_await AskServer(loop, server, question, deadline, finding);
    if (answered || absl::Now() >= deadline) break;
  }
  co_return finding;
}

}  // namespace cleanmail::provisioning::callout
