#pragma once

#include <memory>
#include <string>

#include "libs/testing/server_process.h"

namespace cleanmail::testing {

// A Redis of a test's own on loopback, in memory only. Not thread-safe.
class RedisServer {
 public:
  explicit RedisServer(std::string password = "");
  // NotFound: not installed, the message says by what.
  absl::Status Start();
  void Stop() { process_.Stop(); }
  void Kill() { process_.Kill(); }
  absl::Status Restart();
  // It hangs, its connections stay.
  void Freeze() { process_.Freeze(); }
  void Thaw() { process_.Thaw(); }
  // Runs a command by redis-cli.
  absl::Status Run(std::vector<std::string> command);

  std::string address() const;  // "127.0.0.1:port"

 private:
  const ServerFolder folder_;
  const uint16_t port_;
  const std::string password_;
  ServerProcess process_;
};

}  // namespace cleanmail::testing
