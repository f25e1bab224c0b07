#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/net/connection_limits.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {

// What one listener's sessions are to do, from the configuration with its defaults. InvalidArgument
// names the setting and what would be right. TLS is not set.
absl::StatusOr<SessionSettings> ToSessionSettings(const v1::IngressConfig& config,
                                                  const v1::Listener& listener,
                                                  std::string host_name);

// InvalidArgument names the list that is wrong.
absl::StatusOr<std::vector<DnsList>> ToDnsLists(const v1::Door& door);

// Nothing where they are off. InvalidArgument names the setting.
absl::StatusOr<std::optional<GreylistOptions>> ToGreylistOptions(const v1::Door& door);
absl::StatusOr<std::optional<TarpitOptions>> ToTarpitOptions(const v1::Door& door);

// InvalidArgument for a network that is none.
absl::StatusOr<net::ConnectionLimits::Options> ToConnectionLimits(const v1::Limits& limits);

// What intake reads of a header: whatever the protocol machine has let through.
mail::mime::HeaderLimits ToHeaderLimits(const v1::Limits& limits);

}  // namespace cleanmail::ingress
