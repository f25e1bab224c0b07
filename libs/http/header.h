#pragma once

#include <string>

namespace cleanmail::http {

struct Header {
  std::string name;  // lower case
  std::string value;
};

}  // namespace cleanmail::http
