#pragma once

#include <memory>
#include <string>

#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics.h"

namespace grpc {
class AuthMetadataProcessor;
}

namespace cleanmail::rpc {

// Decides on every call from another process before its handler sees it: the certificate must name
// a room of `trust_domain`, the method's proto must name that room (method_rules.h), a call on
// behalf of somebody must carry an assertion signed with that certificate's key (assertion.h), one
// for the room itself none. What a header merely says (on_behalf.h) is refused. Refusals are logged
// and counted. Log and metrics outlive it.
std::shared_ptr<grpc::AuthMetadataProcessor> MakeGate(std::string trust_domain, telemetry::Log& log,
                                                      telemetry::MetricsRegistry& metrics);

}  // namespace cleanmail::rpc
