#pragma once

#include <optional>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "services/egress/delivery/courier.h"
#include "services/egress/queue/backoff.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

struct SettlementOptions {
  Backoff backoff;
  std::string host_name;  // ours, for notices
  // After how long in the queue a sender who asked for it is told of the delay, once.
  absl::Duration delay_notice = absl::Hours(4);
};

// What follows from an attempt: what is left of the delivery, what is told, and a notice to the
// sender where one is due.
struct Settlement {
  Delivery delivery;  // with what is left of its recipients; none left: it is finished. Parked: it
                      // was not tried
  v1::DeliveryChanged news;
  std::optional<Delivery> notice;
};

// Works out what follows from an attempt that ended now. House rule "no backscatter": an inbound
// failure is told to nobody but quarantine; the sender of outbound mail gets one notice (RFC 3464)
// of what he wants to know (RFC 3461); the null sender gets none (RFC 5321 §6.1). `life`: how long
// the delivery may wait in all.
Settlement Settle(Delivery delivery, Attempt attempt, absl::Duration life,
                  const SettlementOptions& options, const base::Clock& clock, base::Random& random);

// Puts a delivery aside, as its destination is switched off.
Settlement Park(Delivery delivery, const base::Clock& clock);

}  // namespace cleanmail::egress
