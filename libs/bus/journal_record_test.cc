#include "libs/bus/journal_record.h"

#include <gtest/gtest.h>

namespace cleanmail::bus {
namespace {

Record Example() {
  return {.topic = {.name = "fruit.v1"},
          .key = "k1",
          .payload = std::string("a\0b", 3),
          .trace = "00-trace",
          .tombstone = true};
}

TEST(JournalRecord, ComesBackAsItWas) {
  const Event event = *DecodeEvent(7, EncodeEvent(Example(), 1'700'000'000'000'000));
  EXPECT_EQ(event.position, 7);
  EXPECT_EQ(event.time_us, 1'700'000'000'000'000);
  EXPECT_TRUE(event.tombstone);
  EXPECT_EQ(event.key, "k1");
  EXPECT_EQ(event.payload, std::string("a\0b", 3));
  EXPECT_EQ(event.trace, "00-trace");
}

TEST(JournalRecord, CutShortBeforeThePayloadIsDataLoss) {
  const std::string bytes = EncodeEvent(Example(), 1);
  for (size_t length = 0; length < bytes.size() - Example().payload.size(); ++length) {
    EXPECT_EQ(DecodeEvent(0, std::string_view(bytes).substr(0, length)).status().code(),
              absl::StatusCode::kDataLoss)
        << length;
  }
}

TEST(JournalRecord, AnUnknownVersionOrFlagIsRefused) {
  std::string bytes = EncodeEvent(Example(), 1);
  bytes[0] = 2;
  EXPECT_EQ(DecodeEvent(0, bytes).status().code(), absl::StatusCode::kDataLoss);
  bytes[0] = 1;
  bytes[1] = 2;
  EXPECT_EQ(DecodeEvent(0, bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(JournalRecord, KeysSortByPosition) {
  EXPECT_LT(EventKey("t", 255), EventKey("t", 256));
  EXPECT_LT(EventKey("t", 1), EventKey("t", int64_t{1} << 40));
  EXPECT_EQ(*PositionOf("t", EventKey("t", 300)), 300);
  EXPECT_FALSE(PositionOf("t", EventKey("tt", 300)).ok());
}

TEST(JournalRecord, MarksComeBackAsTheyWere) {
  const Mark mark = *DecodeMark(EncodeMark({.position = 5, .seen_us = 9}));
  EXPECT_EQ(mark.position, 5);
  EXPECT_EQ(mark.seen_us, 9);
  EXPECT_FALSE(DecodeMark("x").ok());
}

}  // namespace
}  // namespace cleanmail::bus
