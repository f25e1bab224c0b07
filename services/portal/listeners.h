#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "libs/http/server.h"
#include "libs/net/tls_context.h"
#include "proto/cleanmail/portal/v1/config.pb.h"
#include "services/portal/http/door.h"

namespace cleanmail::portal {

// The ports the REST door is reached by: a unix socket for this machine's operator, TCP for
// everybody with a token.
class Listeners {
 public:
  // InvalidArgument: settings that would send tokens over a network in the clear.
  static absl::StatusOr<std::unique_ptr<Listeners>> Create(const v1::PortalConfig& settings,
                                                           std::string socket_path);

  bool has_tls() const { return tls_ != nullptr; }
  // Opens both. `door` outlives this.
  absl::Status Open(Door& door);
  void Drain(absl::Time deadline);
  // Reads the certificate again if its files have changed.
  absl::Status Reload();
  // Of the TCP port; 0 without.
  int port() const { return tcp_ == nullptr ? 0 : tcp_->port(); }

 private:
  Listeners(std::string listen, std::string socket_path)
      : listen_(std::move(listen)), socket_path_(std::move(socket_path)) {}

  const std::string listen_;
  const std::string socket_path_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<http::Server> local_;
  std::unique_ptr<http::Server> tcp_;
};

}  // namespace cleanmail::portal
