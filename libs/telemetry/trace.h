#pragma once

#include <string>
#include <string_view>

#include "libs/base/random.h"

// W3C Trace Context (level 1): `00-<32 hex trace>-<16 hex span>-<2 hex flags>`. Carried as text in
// event records and RPC metadata.
namespace cleanmail::telemetry {

// The metadata key and header name.
inline constexpr std::string_view kTraceparent = "traceparent";

// A traceparent with a new trace.
std::string NewTrace(base::Random& random);

// A traceparent with a new span of the same trace; a new trace if `parent` is not valid. `parent`
// may be hostile.
std::string ChildOf(std::string_view parent, base::Random& random);

// Whether it is a traceparent of version 00 with a trace and a span that are not zero.
bool IsTrace(std::string_view text);

// The trace's id, 32 hex digits, for logs; empty if it is not valid.
std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace cleanmail::telemetry
