#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/bus/journal_record.h"

// What decodes must encode to bytes that decode to the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::bus;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto event = DecodeEvent(1, bytes); event.ok()) {
    const Record record{.topic = {},
                        .key = event->key,
                        .payload = event->payload,
                        .trace = event->trace,
                        .tombstone = event->tombstone};
    const auto again = DecodeEvent(1, EncodeEvent(record, event->time_us));
    if (!again.ok() || again->key != event->key || again->payload != event->payload ||
        again->trace != event->trace || again->tombstone != event->tombstone ||
        again->time_us != event->time_us) {
      std::abort();
    }
  }
  (void)DecodeMark(bytes);
  (void)DecodeNumber(bytes);
  (void)PositionOf("mail.received.v1", bytes);
  return 0;
}
