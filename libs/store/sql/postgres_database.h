#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/store/sql/database.h"

namespace cleanmail::sql {

struct PostgresOptions {
  // "name" or "name:port" or "[::1]:port"; several: the first that takes writes is used, at each
  // new connection, so a failover needs nobody here.
  std::vector<std::string> hosts = {};
  std::string database = {};
  std::string user = {};
  std::string password = {};
  std::string schema = {};  // the service's own; made when it is not there and the role may
  // As libpq says: "disable", "require", "verify-ca", "verify-full". The last also checks the name.
  std::string ssl_mode = "verify-full";
  std::string ssl_root_cert = {};  // PEM file; empty: libpq's default
  std::string ssl_cert = {};       // of this client, PEM files
  std::string ssl_key = {};
  std::string application_name = "cleanmail";
  // Connections open at most; who finds none waits up to the statement timeout.
  size_t connections = 8;
  absl::Duration connect_timeout = absl::Seconds(5);  // a host; whole seconds, at least 2
  absl::Duration statement_timeout = absl::Seconds(10);
  absl::Duration lock_timeout = absl::Seconds(5);
  // A transaction in which nothing was asked for so long is ended by the server, so that a frozen
  // process holds no locks.
  absl::Duration idle_timeout = absl::Seconds(20);
};

// A schema in a PostgreSQL (14 or newer) database. Transact is SERIALIZABLE and runs again when the
// engine gives it up (40001, 40P01), with a growing pause; Read sees one snapshot. Unavailable: a
// lost connection (after a COMMIT was sent: whether it happened is not known), a timeout, a server
// that takes no writes; the connection is dropped and the next call makes a new one. In a
// transaction, the first error is the last: only a rollback can follow.
//
// Opening it fails with Unavailable when no server answers, FailedPrecondition when the schema is
// not there and cannot be made.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options);

}  // namespace cleanmail::sql
