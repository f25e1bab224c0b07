#include "libs/bus/journal_record.h"

#include <functional>

#include "libs/base/status_macros.h"

namespace cleanmail::bus {
namespace {

constexpr char kEventVersion = 1;
constexpr char kMarkVersion = 1;
constexpr unsigned char kTombstone = 1;
constexpr size_t kNumberBytes = 8;

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool TakeVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool TakeText(std::string_view& bytes, std::string& text) {
  uint64_t length = 0;
  if (!TakeVarint(bytes, length) || length > bytes.size()) return false;
  text = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

}  // namespace

std::string EncodeNumber(int64_t number) {
  std::string bytes(kNumberBytes, '\0');
  for (size_t i = 0; i < kNumberBytes; ++i)
    bytes[i] = static_cast<char>(static_cast<uint64_t>(number) >> (56 - 8 * i));
  return bytes;
}

absl::StatusOr<int64_t> DecodeNumber(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return absl::DataLossError("journal: not a number");
  uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return static_cast<int64_t>(number);
}

std::string EventKey(std::string_view topic, int64_t position) {
  std::string key;
  key.reserve(topic.size() + 1 + kNumberBytes);
  key.append(topic).push_back('\0');
  key.append(EncodeNumber(position));
  return key;
}

absl::StatusOr<int64_t> PositionOf(std::string_view topic, std::string_view key) {
  if (!key.starts_with(topic) || key.size() != topic.size() + 1 + kNumberBytes)
    return absl::DataLossError("journal: not an event's key");
  return DecodeNumber(key.substr(topic.size() + 1));
}

std::string EncodeEvent(const Record& record, int64_t time_us) {
  std::string bytes;
  bytes.reserve(32 + record.key.size() + record.trace.size() + record.payload.size());
  bytes.push_back(kEventVersion);
  bytes.push_back(record.tombstone ? static_cast<char>(kTombstone) : '\0');
  AppendVarint(static_cast<uint64_t>(time_us), bytes);
  AppendVarint(record.key.size(), bytes);
  bytes.append(record.key);
  AppendVarint(record.trace.size(), bytes);
  bytes.append(record.trace);
  bytes.append(record.payload);
  return bytes;
}

absl::StatusOr<Event> DecodeEvent(int64_t position, std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != kEventVersion)
    return absl::DataLossError("journal: not an event this version can read");
  const auto flags = static_cast<unsigned char>(bytes[1]);
  if ((flags & ~kTombstone) != 0) return absl::DataLossError("journal: unknown flags in an event");
  bytes.remove_prefix(2);
  Event event{.position = position, .tombstone = (flags & kTombstone) != 0};
  uint64_t time = 0;
  if (!TakeVarint(bytes, time) || !TakeText(bytes, event.key) || !TakeText(bytes, event.trace)) {
    return absl::DataLossError("journal: an event is cut short");
  }
  event.time_us = static_cast<int64_t>(time);
  event.payload = bytes;
  event.key_hash = std::hash<std::string_view>()(event.key);
  return event;
}

std::string MarkKey(std::string_view topic, std::string_view group) {
  std::string key(topic);
  key.push_back('\0');
  key.append(group);
  return key;
}

std::string EncodeMark(const Mark& mark) {
  return std::string(1, kMarkVersion) + EncodeNumber(mark.position) + EncodeNumber(mark.seen_us);
}

absl::StatusOr<Mark> DecodeMark(std::string_view bytes) {
  if (bytes.size() != 1 + 2 * kNumberBytes || bytes[0] != kMarkVersion) {
    return absl::DataLossError("journal: not a group's position this version can read");
  }
  Mark mark;
  CLEANMAIL_ASSIGN_OR_RETURN(mark.position, DecodeNumber(bytes.substr(1, kNumberBytes)));
  CLEANMAIL_ASSIGN_OR_RETURN(mark.seen_us, DecodeNumber(bytes.substr(1 + kNumberBytes)));
  return mark;
}

std::string NextKey(std::string_view topic) { return MarkKey("journal/next", topic); }

std::string CompactedKey(std::string_view topic) { return MarkKey("journal/compacted", topic); }

std::string IndexKey(std::string_view topic, std::string_view key) {
  return MarkKey(MarkKey("journal/index", topic), key);
}

std::string TombstonePrefix(std::string_view topic) {
  return MarkKey(MarkKey("journal/tombstones", topic), "");
}

std::string TombstoneKey(std::string_view topic, int64_t time_us, int64_t position) {
  return TombstonePrefix(topic) + EncodeNumber(time_us) + EncodeNumber(position);
}

std::string After(std::string prefix) {
  prefix.back() = '\1';
  return prefix;
}

}  // namespace cleanmail::bus
