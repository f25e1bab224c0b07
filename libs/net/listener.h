#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Light on purpose: libs/app/service.h includes it. Connection itself is libs/net/connection.h.
namespace cleanmail::net {

class Connection;
class Loops;

struct ListenOptions {
  std::string name;  // in logs and metrics
  // `192.0.2.1:25`, `[::]:25`; port 0 lets the system choose. `unix:/path`: clients have the
  // address
  // `::` then.
  std::string address;
  int unix_mode = 0660;  // permissions of such a path
  // Networks (CIDR) whose connections begin with a PROXY protocol header, v1 or v2. It is read
  // before the handler runs; one that is missing or wrong closes the connection. From all others
  // nothing is read: such a header is the handler's first bytes.
  std::vector<std::string> proxy_from = {};
  absl::Duration proxy_deadline = absl::Seconds(10);
  int backlog = 4096;
};

// Takes a new connection, on the connection's loop. It must not block: it spawns a coroutine
// (libs/net/coroutines.h).
//   Loop& loop = connection->loop();  // first: a function's arguments are evaluated in any order
//   Spawn(loop, [connection = std::move(connection)]() mutable { return
//   Session(std::move(connection)); });
using ConnectionHandler = std::function<void(std::unique_ptr<Connection>)>;

// An open port. Thread-safe. Destroying it closes the port; connections taken live on.
class Listener {
 public:
  // Binds, listens and begins to accept, on every loop in turn. InvalidArgument: the address.
  // Unavailable: the port is taken or not ours to take, with what to do. `loops` must outlive it.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(Loops& loops, ListenOptions options,
                                                        ConnectionHandler handler);
  ~Listener();

  // Stops accepting; when it returns no handler will run any more.
  void Close();
  uint16_t port() const;
  const std::string& name() const;

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the accepting coroutine
};

}  // namespace cleanmail::net
