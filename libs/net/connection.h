#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/net/address.h"
#include "libs/net/coroutines.h"
#include "libs/net/tls_context.h"

namespace cleanmail::net {

// One TCP connection, plain at first, TLS once started. Lives and dies on one loop; every call is
// made on that loop's thread, by one coroutine at a time. An idle connection holds no buffer: it
// waits until there is something to read, then reads into its loop's scratch buffer.
//
// Errors of all: DeadlineExceeded; Unavailable when the peer is gone or broke TLS (the text says
// how); Cancelled after Close. After an error only destruction is of use.
class Connection {
 public:
  // For Listener and Connect; takes a connected, non-blocking socket.
  Connection(Loop& loop, int socket, const Endpoint& peer, const Endpoint& local);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Bytes as they come, at most 64 KiB; empty when the peer has ended its side. The view is valid
  // until the coroutine is suspended again (until the next co_await of anything).
  Task<absl::StatusOr<std::string_view>> ReadSome(absl::Time deadline);
  // Writes all of `bytes`, which must live that long.
  Task<absl::Status> Write(std::string_view bytes, absl::Time deadline);

  // Says that nothing more will be written, and goes on reading. Not in TLS.
  void EndWriting();

  // Does the server's / client's part of a handshake. `host` is what the client asks for by SNI,
  // and what the certificate is checked against if the context verifies. Bytes that came before
  // must have been thrown away by the caller (RFC 3207 §4.2).
  Task<absl::Status> StartTlsServer(const TlsContext& context, absl::Time deadline);
  Task<absl::Status> StartTlsClient(const TlsContext& context, std::string host,
                                    absl::Time deadline);

  // Says goodbye in TLS if it can at once, closes the socket, wakes whoever waits with Cancelled.
  // Idempotent.
  void Close();

  // Who speaks: what PROXY protocol said where it was used, else the socket's other end.
  const Endpoint& peer() const;
  const Endpoint& local() const;
  bool is_tls() const;
  // `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty without TLS.
  std::string tls() const;
  // The client context verified the certificate.
  bool tls_verified() const;
  Loop& loop() const;

  // For the listener, which reads a PROXY header and leaves what follows: looks without taking, as
  // ReadSome; takes `count` bytes that were seen; says who really speaks.
  Task<absl::StatusOr<std::string_view>> Peek(absl::Time deadline);
  void Skip(size_t count);
  void SetProxied(const Endpoint& peer, const Endpoint& local);

 private:
  friend Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(Loop& loop, Endpoint to,
                                                                   absl::Time deadline,
                                                                   std::optional<IpAddress> from);
  struct Core;
  std::shared_ptr<Core> core_;  // shared with the timer that watches its deadline
};

// Connects to an address, from `from` if set (one of this machine's, of the same family).
// Unavailable: refused, unreachable, not our address. DeadlineExceeded. Runs on `loop`, whose
// coroutine must call it.
Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(
    Loop& loop, Endpoint to, absl::Time deadline, std::optional<IpAddress> from = std::nullopt);

}  // namespace cleanmail::net
