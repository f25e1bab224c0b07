#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/json.h"

namespace cleanmail::cli {

// Where the gateway is, as the flags say.
struct ServerFlags {
  std::string server;      // https://gateway.example; empty: the local socket
  std::string token_file;  // file with the token for it
  std::string ca_file;     // PEM; empty: the system's
  std::string socket;
  std::string config;
};

using Query = std::vector<std::pair<std::string, std::string>>;

// A way to the gateway's REST API: `--server` (or $CLEANMAIL_SERVER) with a token, else the socket
// of this machine: `--socket`, $CLEANMAIL_SOCKET, that of the configuration file, or
// ./cleanmail-data/api.sock.
class Connection {
 public:
  // InvalidArgument: a configuration that is none, a server without a token.
  static absl::StatusOr<Connection> Open(const ServerFlags& flags);

  // Asks once. A problem becomes a status with its code, its words and the field at fault;
  // Unavailable says how to start the gateway.
  absl::StatusOr<base::Json> Call(std::string_view method, std::string_view path,
                                  const base::Json* body = nullptr, const Query& query = {}) const;
  // The same with the answer as it came, for bodies that are no JSON.
  absl::StatusOr<std::string> CallRaw(std::string_view method, std::string_view path_and_query,
                                      std::string_view body) const;
  // A list in all its pages, as one answer; `items` names its field.
  absl::StatusOr<base::Json> All(std::string_view path, std::string_view items,
                                 Query query = {}) const;

 private:
  std::string url_ = "http://localhost";
  std::string socket_;
  std::string token_;
  std::string ca_file_;
};

// `/v1/` and a resource's name, each segment escaped.
std::string PathOf(std::string_view name);

}  // namespace cleanmail::cli
