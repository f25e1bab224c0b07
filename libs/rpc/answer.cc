#include "libs/rpc/answer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "libs/base/cat.h"
#include "libs/rpc/assertion.h"
#include "libs/rpc/on_behalf.h"
#include "libs/telemetry/trace.h"
#include "proto/cleanmail/app/v1/status.pb.h"

namespace cleanmail::rpc {
namespace {

constexpr std::string_view kReasonPayload = "cleanmail.reason";
constexpr std::string_view kErrorInfoType = "type.googleapis.com/google.rpc.ErrorInfo";

constexpr std::string_view kFieldPayload = "cleanmail.field";
constexpr char kFieldKey[] = "field";

// A room; or whom the portal speaks for. A name on behalf of whom nobody can be made out is nobody,
// never the room itself.
Caller InProcessCaller(const grpc::ServerContext& rpc) {
  const auto on_behalf = rpc.client_metadata().find(kCallerKey);
  if (on_behalf == rpc.client_metadata().end()) return {.role = Role::kService, .id = "service"};
  api::v1::Caller said;
  if (!said.ParseFromArray(on_behalf->second.data(), static_cast<int>(on_behalf->second.size())))
    return {.id = "unknown"};
  return FromProto(said);
}

std::string ValueOf(const grpc::ServerContext& rpc, const char* key) {
  const auto found = rpc.client_metadata().find(key);
  return found == rpc.client_metadata().end()
             ? std::string()
             : std::string(found->second.data(), found->second.size());
}

// A room of another process, or whom it speaks for. The gate (gate.h) has let the call in: the
// certificate names a room, and an assertion that is there has been checked.
Caller RemoteCaller(const grpc::ServerContext& rpc) {
  if (const std::string assertion = ValueOf(rpc, kAssertionKey); !assertion.empty())
    return ReadAssertion(assertion);
  for (const grpc::string_ref& uri : rpc.auth_context()->FindPropertyValues("peer_uri")) {
    const std::string name(uri.data(), uri.size());
    if (name.starts_with("spiffe://"))
      return {.role = Role::kService, .id = name.substr(name.rfind('/') + 1)};
  }
  return {.id = "unknown"};
}

// Behind mutual TLS.
bool IsRemote(const grpc::ServerContext& rpc) {
  const auto kind =
      rpc.auth_context()->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  return !kind.empty() && (kind[0] == GRPC_SSL_TRANSPORT_SECURITY_TYPE ||
                           kind[0] == GRPC_TLS_TRANSPORT_SECURITY_TYPE);
}

std::string PayloadOf(const absl::Status& status, std::string_view name) {
  const auto payload = status.GetPayload(base::AbslView(name));
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

Caller CallerOf(const grpc::ServerContext& rpc) {
  Caller caller;
  const std::string peer = rpc.peer();
  // gRPC has no address for the in-process transport and gives it no security properties; every
  // other transport has both.
  if (peer == "unknown" && rpc.auth_context()->begin() == rpc.auth_context()->end()) {
    caller = InProcessCaller(rpc);
  } else if (IsRemote(rpc)) {
    caller = RemoteCaller(rpc);
  } else if (peer.starts_with("unix:")) {
    // The socket lies in a folder only its owner may enter and has mode 0600 itself: whoever is
    // here is the owner, or root.
    caller.role = Role::kOperator;
    caller.id = "operator/local";
  } else {
    caller.id = "unknown";
  }
  const auto& metadata = rpc.client_metadata();
  const auto trace = metadata.find(
      grpc::string_ref(telemetry::kTraceparent.data(), telemetry::kTraceparent.size()));
  if (trace != metadata.end()) {
    const std::string_view text(trace->second.data(), trace->second.size());
    if (telemetry::IsTrace(text)) caller.trace = text;
  }
  return caller;
}

grpc::Status Answer(grpc::ServerContext* rpc,
                    absl::FunctionRef<absl::Status(const Caller&)> answer) {
  return ToGrpc(answer(CallerOf(*rpc)));
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  status.SetPayload(base::AbslView(kReasonPayload), absl::Cord(base::AbslView(reason)));
  return status;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonPayload); }

absl::Status WithField(absl::Status status, std::string_view field) {
  status.SetPayload(base::AbslView(kFieldPayload), absl::Cord(base::AbslView(field)));
  return status;
}

std::string FieldOf(const absl::Status& status) { return PayloadOf(status, kFieldPayload); }

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string message(base::View(status.message()));
  const std::string reason = ReasonOf(status);
  const std::string field = FieldOf(status);
  if (reason.empty() && field.empty()) return {code, message};
  app::v1::ErrorDetails error;
  if (!field.empty()) (*error.mutable_metadata())[kFieldKey] = field;
  error.set_reason(reason);
  error.set_domain("cleanmail");
  app::v1::StatusDetails details;
  details.set_code(code);
  details.set_message(message);
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url(std::string(kErrorInfoType));
  any.set_value(error.SerializeAsString());
  return {code, message, details.SerializeAsString()};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status converted(static_cast<absl::StatusCode>(status.error_code()),
                         status.error_message());
  app::v1::StatusDetails details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : details.details()) {
      app::v1::ErrorDetails error;
      if (any.type_url() != kErrorInfoType || !error.ParseFromString(any.value())) continue;
      if (!error.reason().empty()) converted = WithReason(converted, error.reason());
      const auto field = error.metadata().find(kFieldKey);
      if (field != error.metadata().end()) converted = WithField(converted, field->second);
    }
  }
  return converted;
}

}  // namespace cleanmail::rpc
