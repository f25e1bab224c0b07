#pragma once

#include <memory>
#include <string>

#include "libs/testing/server_process.h"

namespace cleanmail::testing {

// A PostgreSQL of a test's own on loopback; keeps its data over Stop, Kill and Start; does not
// flush. As root it runs as the user postgres: such tests need the Bazel tag no-sandbox. Not
// thread-safe.
class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  // NotFound: not installed, the message says by what.
  absl::Status Start();
  void Stop();
  // SIGKILL to the whole server: as if the machine went away.
  void Kill();
  absl::Status Restart();
  void Freeze() { process_->Freeze(); }
  void Thaw() { process_->Thaw(); }
  // Runs SQL by psql as the superuser.
  absl::Status Run(const std::string& statement);
  // New sessions, and those that begin a transaction after this, may (not) write.
  absl::Status SetReadOnly(bool read_only);

  std::string address() const;  // "127.0.0.1:port"
  const std::string& user() const { return user_; }
  const std::string& database() const { return database_; }

 private:
  const ServerFolder folder_;
  const uint16_t port_;
  const std::string user_ = "cleanmail";
  const std::string database_ = "cleanmail";
  std::unique_ptr<ServerProcess> process_;
};

}  // namespace cleanmail::testing
