#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/http/header.h"

namespace cleanmail::http {

// What a client asks. A value.
struct Request {
  std::string method = {};  // "GET"
  std::string path = {};    // as sent, without the query
  std::string query = {};   // behind the question mark
  std::string body = {};
  std::vector<Header> headers = {};
  // Address of the peer, without port; empty on a unix socket.
  std::string address = {};

  // Value of the first header of that name (lower case), or "".
  std::string_view Find(std::string_view name) const;
  bool Has(std::string_view name) const;
};

// What it is answered. A value.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<Header> headers = {};  // beside content type and length
};

// `OK`, `Not Found`.
std::string_view StatusWords(int status);

}  // namespace cleanmail::http
