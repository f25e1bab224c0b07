#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/caller.h"
#include "libs/rpc/peers.h"

namespace cleanmail::rpc {

struct ForwardOptions {
  absl::Time deadline;
  const Caller& caller;         // on whose behalf
  std::string_view trace = {};  // W3C traceparent to pass on
};

// Calls the method `/package.Service/Method` with a request in bytes on behalf of a caller, and
// waits for the response in bytes. For whoever forwards calls it need not understand.
absl::StatusOr<std::string> Forward(Channels& channels, const std::string& method,
                                    std::string_view request, const ForwardOptions& options);

}  // namespace cleanmail::rpc
