#pragma once

#include "libs/rpc/caller.h"
#include "proto/cleanmail/api/v1/caller.pb.h"

namespace cleanmail::rpc {

// Binary metadata that makes a call one on behalf of a person or program. Believed only on the
// in-process channel: whoever comes by any other is who that channel says he is.
inline constexpr char kCallerKey[] = "cleanmail-caller-bin";

api::v1::Caller ToProto(const Caller& caller);
// Everything but the trace. A role that is none of the people's becomes kNone.
Caller FromProto(const api::v1::Caller& said);

}  // namespace cleanmail::rpc
