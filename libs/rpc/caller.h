#pragma once

#include <string>

namespace cleanmail::rpc {

// Who calls. A value.
struct Caller {
  enum class Kind {
    kUnknown,   // may do nothing
    kService,   // another room
    kOperator,  // a person at the machine, through the local socket
  };
  Kind kind = Kind::kUnknown;
  // "service", "operator/uid=0".
  std::string id = {};
  // W3C traceparent of the call, empty without.
  std::string trace = {};
};

}  // namespace cleanmail::rpc
