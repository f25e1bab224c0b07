#pragma once

#include <vector>

#include "absl/time/time.h"
#include "libs/mail/report/dsn/notice.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "services/egress/delivery/courier.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// Something to tell the sender of a recipient.
struct Told {
  mail::report::dsn::Action action;
  v1::RecipientDelivery recipient;
};

// The delivery of a notice (RFC 3464) that tells the sender of `delivery` what became of these
// recipients in `attempt`. `retry_until`: when those delayed are given up.
Delivery MakeNotice(const Delivery& delivery, const std::vector<Told>& told, const Attempt& attempt,
                    absl::Time retry_until, std::string_view host_name, absl::Time now);

}  // namespace cleanmail::egress
