#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "proto/cleanmail/bus/v1/options.pb.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "services/quarantine/holds.h"

namespace cleanmail::quarantine {

// Primary address (lower case) of the account an address belongs to; the address itself where none
// is known.
using AccountOf = std::function<std::string(std::string_view address)>;

// Generation 1: holds what is to be held. Later generations: the say of a rescan on a hold.
std::vector<absl::Status> OnDisposed(Holds& holds, const AccountOf& account_of,
                                     std::span<const policy::v1::MailDisposed> batch);

// The end of released recipients; an inbound failure nobody may be told of becomes a hold.
std::vector<absl::Status> OnDeliveryChanged(Holds& holds, const AccountOf& account_of,
                                            std::span<const egress::v1::DeliveryChanged> batch);

// A message whose event some room could not handle is held, so that it is not forgotten. Dead
// letters of rooms that only watch (reporting) concern no message's fate and are left alone.
std::vector<absl::Status> OnDeadLetter(Holds& holds, const AccountOf& account_of, Metrics& metrics,
                                       std::span<const bus::v1::DeadLetter> batch);

}  // namespace cleanmail::quarantine
