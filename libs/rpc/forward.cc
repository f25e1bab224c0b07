#include "libs/rpc/forward.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/synchronization/notification.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/telemetry/trace.h"

namespace cleanmail::rpc {

absl::StatusOr<std::string> Forward(Channels& channels, const std::string& method,
                                    std::string_view request, const ForwardOptions& options) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Channels::Spoken spoken,
                             channels.ChannelFor(method, options.caller, options.deadline));
  grpc::GenericStub stub(spoken.channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(options.deadline));
  context.AddMetadata(spoken.key, spoken.value);
  if (telemetry::IsTrace(options.trace))
    context.AddMetadata(std::string(telemetry::kTraceparent), std::string(options.trace));
  const grpc::Slice slice(request.data(), request.size());
  const grpc::ByteBuffer asked(&slice, 1);
  grpc::ByteBuffer answered;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, method, {}, &asked, &answered, [&](grpc::Status ended) {
    status = std::move(ended);
    done.Notify();
  });
  done.WaitForNotification();
  if (!status.ok()) return FromGrpc(status);
  std::string response;
  std::vector<grpc::Slice> slices;
  if (!answered.Dump(&slices).ok()) return absl::InternalError("an answer that cannot be read");
  for (const grpc::Slice& part : slices)
    response.append(reinterpret_cast<const char*>(part.begin()), part.size());
  return response;
}

}  // namespace cleanmail::rpc
