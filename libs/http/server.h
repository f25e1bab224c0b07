#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cleanmail::http {

struct Request {
  std::string method;  // "GET"
  std::string path;    // without the query
  std::string query;   // behind the question mark
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};

// Answers one request; called on the server's thread, one at a time. Must not throw.
using Handler = std::function<Response(const Request&)>;

// A small HTTP/1.1 server with one thread, for probes and the like. Bounds: 64 connections, 8 KiB
// of header, 64 KiB of body, 10 s a request. Destroying it closes everything.
class Server {
 public:
  // `address:port`; port 0 lets the system choose. InvalidArgument: the address. Unavailable: the
  // port is not to be had.
  static absl::StatusOr<std::unique_ptr<Server>> Open(const std::string& address, Handler handler);
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
};

}  // namespace cleanmail::http
