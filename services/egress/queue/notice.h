#pragma once

#include <vector>

#include "absl/time/time.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// The delivery of a notice (RFC 3464) that tells the sender of `delivery` what failed, quoting the
// headers of his message.
Delivery MakeNotice(const Delivery& delivery, const std::vector<v1::RecipientDelivery>& failed,
                    std::string_view headers, std::string_view host_name, absl::Time now);

}  // namespace cleanmail::egress
