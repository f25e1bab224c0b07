#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/header.h"

namespace cleanmail::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http or https; for a unix socket the host is not looked up
  std::vector<Header> headers = {};
  std::string body = {};
  std::string unix_socket = {};  // path of the socket to connect to instead
  std::string ca_file = {};      // PEM; empty: the system's certificates
  absl::Duration timeout = absl::Seconds(60);
  absl::Duration connect_timeout = absl::Seconds(10);
  size_t most_bytes = 256 * 1024 * 1024;  // of an answer
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers = {};  // names lower case
  std::string body = {};
};

// Asks and waits. Certificates and names are always checked; redirects are not followed; proxies
// are those of the environment, except for sockets. Unavailable: nobody answered, in words.
// ResourceExhausted: the answer is too large. Thread-safe.
absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request);

// Asks as Fetch does, over connections it keeps: as many as there are calls at once, each bound to
// the host it was made for. Thread-safe.
class Client {
 public:
  Client();
  ~Client();
  absl::StatusOr<ClientResponse> Fetch(const ClientRequest& request);

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

// `text` for one segment of a path or one value of a query: everything but unreserved characters is
// escaped (RFC 3986 §2.1), `keep` is left as it is.
std::string Escaped(std::string_view text, std::string_view keep = "");

}  // namespace cleanmail::http
