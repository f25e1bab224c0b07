#pragma once

#include "absl/status/statusor.h"
#include "libs/net/destination_policy.h"
#include "libs/net/sources.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::app {

// Where tenants may have this process connect to, by the setting `app.destinations`.
// InvalidArgument names the network that is none.
absl::StatusOr<net::DestinationPolicy> ToDestinationPolicy(const v1::Destinations& settings);

// What connections there come from, by the same setting. InvalidArgument names the address or
// network that cannot be.
absl::StatusOr<net::Sources> ToSources(const v1::Destinations& settings);

}  // namespace cleanmail::app
