#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/dns/resolver.h"

namespace cleanmail::provisioning {

// A sentence on why mail for a domain without a route could not be handed on: no MX, or only ours
// (`host_name`); empty when nothing is wrong. DNS away is said too. Blocks until `deadline` at
// most.
std::string WhyNoMx(dns::Resolver& resolver, std::string_view domain, std::string_view host_name,
                    absl::Time deadline);

}  // namespace cleanmail::provisioning
