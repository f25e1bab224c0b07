#include "services/portal/listeners.h"

#include "libs/base/status_macros.h"
#include "libs/net/address.h"
#include "libs/net/prefix.h"
#include "services/portal/http/problem.h"

namespace cleanmail::portal {
namespace {

constexpr std::string_view kOff = "off";

bool IsLoopback(const net::IpAddress& address) {
  for (const std::string_view network : {"127.0.0.0/8", "::1/128"}) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(network);
    if (prefix.ok() && prefix->Contains(address)) return true;
  }
  return false;
}

http::ServerOptions OptionsFor(const net::TlsContext* tls) {
  return {.threads = 16,
          .connections = 256,
          .header_bytes = 16 * 1024,
          .body_bytes = 16 * 1024 * 1024,
          .tls = tls,
          .refusal = [](int status) { return ToResponse({.status = status}); }};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listeners>> Listeners::Create(const v1::PortalConfig& settings,
                                                             std::string socket_path) {
  const std::string listen = settings.listen().empty() ? std::string(kOff) : settings.listen();
  std::unique_ptr<Listeners> listeners(new Listeners(listen, std::move(socket_path)));
  if (listen == kOff) return listeners;
  const absl::StatusOr<net::Endpoint> endpoint = net::Endpoint::Parse(listen);
  if (!endpoint.ok()) return base::Annotate(endpoint.status(), "portal.listen");
  const v1::Certificate& certificate = settings.certificate();
  if (!certificate.chain_file().empty() || !certificate.key_file().empty()) {
    auto tls = net::TlsContext::Server({net::CertificateFiles{
        .chain_file = certificate.chain_file(), .key_file = certificate.key_file()}});
    if (!tls.ok()) return base::Annotate(tls.status(), "portal.certificate");
    listeners->tls_ = *std::move(tls);
  } else if (!IsLoopback(endpoint->address)) {
    return absl::InvalidArgumentError(
        base::Cat("portal.listen: ", listen,
                  " is not of this machine alone, and tokens must not travel in the clear: name "
                  "portal.certificate, or listen at 127.0.0.1"));
  }
  return listeners;
}

absl::Status Listeners::Open(Door& door) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      local_, http::Server::Open(
                  base::Cat("unix:", socket_path_),
                  [&door](const http::Request& request) { return door.Answer(request, true); },
                  OptionsFor(nullptr)));
  if (listen_ == kOff) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<http::Server>> tcp = http::Server::Open(
      listen_, [&door](const http::Request& request) { return door.Answer(request, false); },
      OptionsFor(tls_.get()));
  if (!tcp.ok())
    return base::Annotate(tcp.status(), "portal.listen (choose another port, or \"off\")");
  tcp_ = *std::move(tcp);
  return absl::OkStatus();
}

void Listeners::Drain(absl::Time deadline) {
  if (local_ != nullptr) local_->Drain(deadline);
  if (tcp_ != nullptr) tcp_->Drain(deadline);
}

absl::Status Listeners::Reload() {
  return tls_ == nullptr ? absl::OkStatus() : tls_->ReloadIfChanged().status();
}

}  // namespace cleanmail::portal
