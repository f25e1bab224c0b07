#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/net/address.h"
#include "libs/net/worker_pool.h"

// Doors where a connection is one request and one answer, without coroutines for their owners.
namespace cleanmail::net {

class Connection;

// A request in the making.
class Request {
 public:
  virtual ~Request() = default;
  // Takes what has come, on the connection's loop. True: it is complete, or never will be; no more
  // is read.
  virtual bool Take(std::string_view bytes) = 0;
  // What goes back, empty for nothing; once, on a worker, where it may block. It is asked too when
  // the client ended his side before Take said true, not when he was too slow.
  virtual std::string Answer() = 0;
};

struct ExchangeOptions {
  int connections = 40;                       // at once
  int workers = 2;                            // answers in the making at once
  absl::Duration request = absl::Minutes(1);  // for a whole request to come
  absl::Duration answer = absl::Minutes(1);   // for an answer to be taken
  std::string busy = {};                      // said to connections beyond those
};

// Serves such a door; for net::Listener. Thread-safe. Its loops end before it does.
class Exchanges {
 public:
  // `make` is asked for each connection, on its loop; null refuses the client, without a word.
  using Make = std::function<std::unique_ptr<Request>(const IpAddress& client)>;
  Exchanges(ExchangeOptions options, Make make);
  ~Exchanges();

  void Take(std::unique_ptr<Connection> connection);
  // Waits until the requests in hand are answered, at most until `deadline`.
  void Drain(absl::Time deadline);

 private:
  struct Conversation;
  const ExchangeOptions options_;
  const Make make_;
  std::atomic<int> open_{0};
  WorkerPool workers_;
};

}  // namespace cleanmail::net
