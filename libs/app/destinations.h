#pragma once

#include "absl/status/statusor.h"
#include "libs/net/destination_policy.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::app {

// Where tenants may have this process connect to, by the setting `app.destinations`.
// InvalidArgument names the network that is none.
absl::StatusOr<net::DestinationPolicy> ToDestinationPolicy(const v1::Destinations& settings);

}  // namespace cleanmail::app
