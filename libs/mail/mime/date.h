#pragma once

#include <string>

#include "absl/time/time.h"

namespace cleanmail::mail::mime {

// A date-time as header fields have it (RFC 5322 §3.3), in UTC: `Sun, 22 Nov 2026 05:25:00 +0000`.
std::string FormatDate(absl::Time time);

}  // namespace cleanmail::mail::mime
