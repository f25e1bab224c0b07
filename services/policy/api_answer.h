#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "libs/rpc/answer.h"

namespace cleanmail::policy {

// rpc::Answer with this room's habits: what is missing is answered in the words of what is somebody
// else's, and an argument's error carries the path that its message begins with.
grpc::Status Serve(grpc::ServerContext* rpc,
                   absl::FunctionRef<absl::Status(const rpc::Caller&)> answer);

}  // namespace cleanmail::policy
