#pragma once

#include <span>
#include <vector>

#include "services/reporting/projection/projection.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {

// Records a batch of any event that is part of the story, in one transaction.
template <class Event>
std::vector<absl::Status> OnEvents(Store& store, const AccountOf& account_of,
                                   std::span<const Event> batch) {
  Changes changes;
  for (const Event& event : batch) Project(event, account_of, changes);
  return std::vector<absl::Status>(batch.size(), store.Record(changes));
}

}  // namespace cleanmail::reporting
