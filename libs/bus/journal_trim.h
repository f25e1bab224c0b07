#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/bus/journal_topic.h"
#include "libs/store/spool/spool.h"

namespace cleanmail::bus {

// The position below `floor` where the events published at `cutoff_us` or later begin; `floor` when
// there are none. Times grow with positions, as long as the clock does.
absl::StatusOr<int64_t> FirstYoungerThan(spool::Spool& spool, const std::string& topic,
                                         int64_t cutoff_us, int64_t floor);

// Deletes a topic's events before `border`, along with `also`.
absl::Status DeleteBefore(spool::Spool& spool, JournalTopic& topic, int64_t border,
                          spool::Batch also);

}  // namespace cleanmail::bus
