#pragma once

#include <string>
#include <vector>

#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// Deliveries that follow from a decision: one for each destination of each group that is delivered
// or redirected, one for each address that gets a copy, one for each that gets a notice. The same
// event gives the same ids.
std::vector<Delivery> FanOut(const policy::v1::MailDisposed& disposed, std::string_view host_name,
                             absl::Time now);

// The same for a release: deliveries and copies, since notices went out with the decision.
std::vector<Delivery> FanOut(const quarantine::v1::MailReleased& released, absl::Time now);

}  // namespace cleanmail::egress
