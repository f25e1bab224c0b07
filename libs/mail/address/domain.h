#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::mail::address {

// A domain name as we compare and store it: A-labels (IDNA 2008, RFC 5891), lower case, no final
// dot. One label is enough; underscores are let through, as DNS does. InvalidArgument for anything
// that is no host name: empty or over-long labels, hyphens at an end, control characters, more than
// 253 bytes.
absl::StatusOr<std::string> NormalizeDomain(std::string_view domain);

// An address literal with its brackets, `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3), in
// canonical lower case but for the tag. Other tags are refused.
absl::StatusOr<std::string> NormalizeAddressLiteral(std::string_view literal);

}  // namespace cleanmail::mail::address
