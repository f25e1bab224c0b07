#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/message.h"

namespace cleanmail::net {
class TlsContext;
}

namespace cleanmail::http {

// Answers one request, on one of the server's handler threads. Must not throw.
using Handler = std::function<Response(const Request&)>;

struct ServerOptions {
  int threads = 1;  // handlers at once
  int connections = 64;
  size_t header_bytes = 8 * 1024;
  size_t body_bytes = 64 * 1024;
  // From the first moment of waiting for a request until its header is there.
  absl::Duration header_time = absl::Seconds(10);
  // For the body, and for taking the answer.
  absl::Duration body_time = absl::Seconds(30);
  // Certificates; nullptr: plain. Outlives the server. Not for unix sockets.
  const net::TlsContext* tls = nullptr;
  // Answer to what is no request: 400, 408, 413, 431, 503. Default: the number and its words.
  std::function<Response(int status)> refusal = {};
};

// An HTTP/1.1 server with keep-alive. One thread moves bytes, `threads` run handlers. Every answer
// carries X-Content-Type-Options: nosniff. Destroying it closes everything.
class Server {
 public:
  // `address:port`, port 0 lets the system choose; or `unix:PATH`, made with mode 0600 and removed
  // at the end. InvalidArgument: the address. Unavailable: it is not to be had.
  static absl::StatusOr<std::unique_ptr<Server>> Open(const std::string& address, Handler handler,
                                                      ServerOptions options = {});
  virtual ~Server() = default;
  // 0 for a unix socket.
  virtual uint16_t port() const = 0;
  // Accepts no more; requests in hand may end until `deadline`. Idempotent.
  virtual void Drain(absl::Time deadline) = 0;
};

}  // namespace cleanmail::http
