#include "libs/rpc/peers.h"

#include <grpcpp/client_context.h>

#include "libs/rpc/answer.h"
#include "libs/telemetry/trace.h"

namespace cleanmail::rpc {

CallContext::CallContext(absl::Time deadline, std::string_view trace)
    : context_(std::make_shared<grpc::ClientContext>()) {
  context_->set_deadline(absl::ToChronoTime(deadline));
  if (telemetry::IsTrace(trace))
    context_->AddMetadata(std::string(telemetry::kTraceparent), std::string(trace));
}

CallContext::~CallContext() = default;

absl::Status StatusOf(const grpc::Status& status) { return FromGrpc(status); }

}  // namespace cleanmail::rpc
