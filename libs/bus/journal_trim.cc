#include "libs/bus/journal_trim.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/bus/journal_record.h"

namespace cleanmail::bus {

using spool::Table;

absl::StatusOr<int64_t> FirstYoungerThan(spool::Spool& spool, const std::string& topic,
                                         int64_t cutoff_us, int64_t floor) {
  int64_t low = 0, high = floor;  // the border is in [low, high]
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    int64_t at = floor, time = cutoff_us;
    const auto first = [&](std::string_view key, std::string_view value) {
      const absl::StatusOr<int64_t> position = PositionOf(topic, key);
      const absl::StatusOr<Event> event = DecodeEvent(0, value);
      if (!position.ok() || !event.ok()) return true;
      at = *position;
      time = event->time_us;
      return false;
    };
    CLEANMAIL_RETURN_IF_ERROR(
        spool.Scan(Table::kEvents, EventKey(topic, middle), EventKey(topic, floor), first));
    if (time < cutoff_us) {
      low = at + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::Status DeleteBefore(spool::Spool& spool, JournalTopic& topic, int64_t border,
                          spool::Batch also) {
  const std::string begin = EventKey(topic.name(), 0), end = EventKey(topic.name(), border);
  bool any = false;
  CLEANMAIL_RETURN_IF_ERROR(
      spool.Scan(Table::kEvents, begin, end, [&any](std::string_view, std::string_view) {
        any = true;
        return false;
      }));
  if (any) {
    also.DeleteRange(Table::kEvents, begin, end);
    also.Put(Table::kState, NextKey(topic.name()), EncodeNumber(topic.end()));
  }
  if (also.empty()) return absl::OkStatus();
  return spool.CommitAndWait(std::move(also), spool::Durability::kApplied);
}

}  // namespace cleanmail::bus
