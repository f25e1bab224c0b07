#include "services/egress/delivery/session.h"

#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::egress {
namespace {

using mail::smtp::ClientWant;
using mail::smtp::Outcome;
using mail::smtp::TlsPolicy;

constexpr size_t kBodyPart = 64 * 1024;

Outcome NoConnection(const absl::Status& status) {
  return {.reply = {.code = 451, .enhanced = "4.4.1", .text = std::string(status.message())},
          .stage = mail::smtp::Stage::kConnect,
          .local = true};
}

}  // namespace

Session::Session(std::unique_ptr<net::Connection> connection, Target target,
                 const SessionOptions& options, TlsPolicy policy)
    : connection_(std::move(connection)),
      target_(std::move(target)),
      timeouts_(options.timeouts),
      machine_({.host_name = options.host_name, .tls = policy}) {}

std::string Session::remote() const {
  return base::Cat(target_.host, "[", target_.endpoint.address.ToString(),
                   "]:", target_.endpoint.port);
}

net::Task<Session::Opened> Session::Open(net::Loop& loop, Target target,
                                         const SessionOptions& options,
                                         const net::TlsContext& tls) {
  const auto source = options.sources.For(target.endpoint.address);
  if (!source.ok()) co_return Opened{.session = nullptr, .failure = NoConnection(source.status())};
  for (const TlsPolicy policy : {TlsPolicy::kMay, TlsPolicy::kNever}) {
    auto connection = co_await net::Connect(loop, target.endpoint,
                                            absl::Now() + options.timeouts.connect, *source);
    if (!connection.ok())
      co_return Opened{.session = nullptr, .failure = NoConnection(connection.status())};
    auto session =
        std::unique_ptr<Session>(new Session(*std::move(connection), target, options, policy));
    co_await session->Drive(&tls, {}, nullptr);
    if (session->usable()) co_return Opened{.session = std::move(session), .failure = {}};
    if (!session->tls_failed_) {
      const Outcome lost =
          NoConnection(absl::UnavailableError("the server ended the conversation"));
      co_return Opened{.session = nullptr, .failure = session->machine_.failure().value_or(lost)};
    }
    // Opportunistic: where a handshake is offered but fails, the message goes in the clear over a
    // new connection.
  }
  co_return Opened{
      .session = nullptr,
      .failure = NoConnection(absl::UnavailableError("TLS failed, and so did the clear"))};
}

net::Task<std::vector<Outcome>> Session::Deliver(mail::smtp::Transaction transaction,
                                                 std::string_view body) {
  std::vector<Outcome> outcomes;
  data_sent_ = false;
  ++messages_;
  machine_.Begin(std::move(transaction));
  co_await Drive(nullptr, body, &outcomes);
  co_return outcomes;
}

net::Task<void> Session::Quit() {
  if (usable()) {
    machine_.Quit();
    co_await Drive(nullptr, {}, nullptr);
  }
  connection_->Close();
}

net::Task<bool> Session::Flush(absl::Duration within) {
  const std::string output = machine_.TakeOutput();
  if (output.empty()) co_return true;
  const absl::Status written = co_await connection_->Write(output, absl::Now() + within);
  if (!written.ok()) machine_.Disconnected(base::View(written.message()));
  co_return written.ok();
}

net::Task<void> Session::SendBody(std::string_view body) {
  while (!body.empty() && machine_.want() == ClientWant::kBody) {
    const std::string_view part = body.substr(0, kBodyPart);
    machine_.Body(part);
    body.remove_prefix(part.size());
    if (!co_await Flush(timeouts_.data_block)) co_return;
  }
  if (machine_.want() == ClientWant::kBody) {
    machine_.EndBody();
    data_sent_ = true;
  }
}

net::Task<void> Session::Drive(const net::TlsContext* tls, std::string_view body,
                               std::vector<Outcome>* outcomes) {
  for (;;) {
    co_await Flush(timeouts_.command);
    switch (machine_.want()) {
      case ClientWant::kInput: {
        const auto bytes = co_await connection_->ReadSome(
            absl::Now() + (data_sent_ ? timeouts_.data_done : timeouts_.command));
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
        const absl::Status started = co_await connection_->StartTlsClient(
            *tls, target_.host, absl::Now() + timeouts_.command);
        if (started.ok()) {
          machine_.TlsStarted();
        } else {
          tls_failed_ = true;
          machine_.TlsFailed(base::View(started.message()));
        }
        break;
      }
      case ClientWant::kBody:
        co_await SendBody(body);
        break;
      case ClientWant::kResult: {
        std::vector<Outcome> taken = machine_.TakeOutcomes();
        if (outcomes != nullptr) *outcomes = std::move(taken);
        break;
      }
      case ClientWant::kTransaction:
        co_return;
      case ClientWant::kClosed:
        connection_->Close();
        co_return;
    }
  }
}

}  // namespace cleanmail::egress
