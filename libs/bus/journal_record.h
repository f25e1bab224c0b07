#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/bus/bus.h"
#include "libs/bus/event.h"

// The bytes of events in the spool. Values carry a version; damage is noticed by the spool's
// checksums.
namespace cleanmail::bus {

// The spool's key of an event: keys of one topic sort by position. Topics have no NUL in their
// names.
std::string EventKey(std::string_view topic, int64_t position);
// The position in a key made by EventKey. DataLoss: it is none.
absl::StatusOr<int64_t> PositionOf(std::string_view topic, std::string_view key);

std::string EncodeEvent(const Record& record, int64_t time_us);
// DataLoss: the bytes are not an event, or one of a newer version.
absl::StatusOr<Event> DecodeEvent(int64_t position, std::string_view bytes);

// Big-endian, so that bytes sort like numbers (of numbers that are not negative).
std::string EncodeNumber(int64_t number);
absl::StatusOr<int64_t> DecodeNumber(std::string_view bytes);

// How far a group has come: everything before `position` is finished. `seen_us`: when that was last
// noted.
struct Mark {
  int64_t position = 0;
  int64_t seen_us = 0;
};
std::string MarkKey(std::string_view topic, std::string_view group);
std::string EncodeMark(const Mark& mark);
absl::StatusOr<Mark> DecodeMark(std::string_view bytes);

// Keys of the table kState: the first position a topic never used; that it is compacted; the
// position of a compacted key's newest event; its tombstones by age.
std::string NextKey(std::string_view topic);
std::string CompactedKey(std::string_view topic);
std::string IndexKey(std::string_view topic, std::string_view key);
std::string TombstonePrefix(std::string_view topic);
std::string TombstoneKey(std::string_view topic, int64_t time_us, int64_t position);
// The smallest key behind all that begin with `prefix`, which ends with NUL.
std::string After(std::string prefix);

}  // namespace cleanmail::bus
