#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/egress/queue/queue.h"

namespace cleanmail::egress {

// What the bus door needs. A message that has come by here more than `own_hops` times for its
// tenant goes round in circles: it is refused (RFC 5321 §6.3).
struct ConsumerParts {
  Queue& queue;
  base::Clock& clock;
  std::string host_name;
  int own_hops = 5;
};

// Makes deliveries of what is to be delivered, one for each destination, and of copies and notices.
// A rescan's decision (generation above 1) concerns only quarantine, which releases by itself.
std::vector<absl::Status> OnDisposed(const ConsumerParts& parts,
                                     std::span<const policy::v1::MailDisposed> batch);

// The same for a release.
std::vector<absl::Status> OnReleased(const ConsumerParts& parts,
                                     std::span<const quarantine::v1::MailReleased> batch);

}  // namespace cleanmail::egress
