#include "libs/http/message.h"

#include <algorithm>
#include <ostream>

#include <boost/beast/http/status.hpp>

namespace cleanmail::http {

std::string_view Request::Find(std::string_view name) const {
  const auto it = std::ranges::find(headers, name, &Header::name);
  return it == headers.end() ? std::string_view() : std::string_view(it->value);
}

bool Request::Has(std::string_view name) const {
  return std::ranges::find(headers, name, &Header::name) != headers.end();
}

std::string_view StatusWords(int status) {
  const auto words =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {words.data(), words.size()};
}

}  // namespace cleanmail::http
