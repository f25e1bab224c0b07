#pragma once

#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "libs/rpc/caller.h"

namespace grpc {
class ServerContext;
class Status;
}  // namespace grpc

namespace cleanmail::rpc {

// Who calls, by the channel: in-process is a service, or whom the portal says it calls for
// (on_behalf.h); mutual TLS the room its certificate names, or whom that room's assertion speaks
// for (assertion.h); the local socket an operator.
Caller CallerOf(const grpc::ServerContext& rpc);

// Answers one RPC: finds out who calls, runs `answer`, converts its status. Errors are counted and
// logged by the server.
//   return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status { … });
grpc::Status Answer(grpc::ServerContext* rpc,
                    absl::FunctionRef<absl::Status(const Caller&)> answer);

// `status` with a machine's word for the cause, in capitals: NO_SUCH_RECIPIENT. It travels with the
// answer.
absl::Status WithReason(absl::Status status, std::string_view reason);
// That word, or "".
std::string ReasonOf(const absl::Status& status);

// `status` with the path of the request's field that is wrong: `user.aliases[2]`. The message names
// it too, for people.
absl::Status WithField(absl::Status status, std::string_view field);
// That path, or "".
std::string FieldOf(const absl::Status& status);

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace cleanmail::rpc
