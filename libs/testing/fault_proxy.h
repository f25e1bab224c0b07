#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/time/time.h"

namespace cleanmail::testing {

// Stands between a client and a server on loopback and does harm. Faults meet connections and
// exchanges that come after they are set. Thread-safe.
class FaultProxy {
 public:
  explicit FaultProxy(uint16_t server_port);
  ~FaultProxy();
  uint16_t port() const { return port_; }

  // Everything passes.
  void Heal();
  // The next `times` connections get "HTTP/1.1 503" for what they ask, without the server's
  // knowing.
  void Refuse(int times);
  // Bytes from the server wait so long.
  void Delay(absl::Duration delay);
  // The next `times` connections are cut after so many bytes from the server.
  void CutAfter(int64_t bytes, int times);
  // Connections open now are cut, and new ones at once until Heal.
  void Down();

 private:
  struct Fault {
    bool refuse = false;
    int64_t cut_after = -1;
  };
  void Accept();
  void Serve(int client);
  void Pass(int client, int server, int64_t cut_after);
  Fault NextFault();
  void Cut();

  const uint16_t server_port_;
  const uint16_t port_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> delay_ms_{0};
  std::mutex mutex_;
  // Guarded by mutex_.
  int refuse_ = 0;
  int cut_ = 0;
  int64_t cut_after_ = 0;
  bool down_ = false;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace cleanmail::testing
