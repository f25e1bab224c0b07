#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// Resource names by AIP-122: `tenants/{tenant}/holds/{hold}`.
namespace cleanmail::rpc::resource {

// The variable parts of `name` in the order of `pattern`, whose variable segments are `*`:
// Match("tenants/*/holds/*", name). Segments are 1 to 320 characters without '/', control
// characters or spaces. InvalidArgument names the pattern expected.
absl::StatusOr<std::vector<std::string>> Match(std::string_view pattern, std::string_view name);

// Whether `id` may be the id of a tenant: 1 to 63 lower-case letters, digits and inner hyphens.
bool IsTenantId(std::string_view id);

}  // namespace cleanmail::rpc::resource
