#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/crypto/signature.h"
#include "libs/rpc/caller.h"

namespace cleanmail::rpc {

// Binary metadata that makes a call from another process one on behalf of a person or program: an
// app.v1.Assertion. Believed only when it is signed with the key of the connection's certificate.
inline constexpr char kAssertionKey[] = "cleanmail-assertion-bin";

// Octets of a call's metadata between processes, at most: a caller of many domains and scopes.
inline constexpr int kLargestMetadata = 64 * 1024;

// How long an assertion counts, and how far two machines' clocks may be apart.
inline constexpr absl::Duration kAssertionLife = absl::Minutes(5);

// An assertion for one call of `method` (`/package.Service/Method`) from `now` on.
absl::StatusOr<std::string> MakeAssertion(const crypto::SigningKey& key, const Caller& caller,
                                          std::string_view method, absl::Time now);

// Whom it speaks for. `certificate_pem` is the one of the connection it came by. PermissionDenied:
// not signed with that one's key, for another method, over or not yet begun, for nobody.
absl::StatusOr<Caller> CheckAssertion(std::string_view certificate_pem, std::string_view assertion,
                                      std::string_view method, absl::Time now);

// Whom it says it speaks for, unchecked: for those behind the gate that has checked it. A caller
// with no role when it cannot be read.
Caller ReadAssertion(std::string_view assertion);

}  // namespace cleanmail::rpc
