#include "libs/outbox/outbox_fixture.h"

namespace cleanmail::outbox {
namespace {

TEST_F(OutboxTest, SendsWhatWasCommittedInItsOrder) {
  auto outbox = Outbox::Create(*database_, bus_);
  ASSERT_TRUE(Add(*outbox, {"1", std::string("\0\xff", 2), "3"}).ok());
  outbox->Nudge();
  EXPECT_TRUE(Eventually([&] { return bus_.records().size() == 3 && Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", std::string("\0\xff", 2), "3"}));
  const bus::Record record = bus_.records()[0];
  EXPECT_EQ(record.topic.name, "fruit.v1");
  EXPECT_TRUE(record.topic.compacted && record.topic.flushed && record.tombstone);
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.trace, "t");
}

TEST_F(OutboxTest, SendsNothingOfATransactionThatFailed) {
  auto outbox = Outbox::Create(*database_, bus_);
  EXPECT_FALSE(Add(*outbox, {"1"}, absl::InvalidArgumentError("no")).ok());
  ASSERT_TRUE(outbox->Flush().ok());
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(OutboxTest, TriesAgainWhenTheBusFails) {
  bus_.FailNext(absl::UnavailableError("away"), 3);
  auto outbox = Outbox::Create(*database_, bus_);
  ASSERT_TRUE(Add(*outbox, {"1", "2"}).ok());
  outbox->Nudge();
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OutboxTest, T_E2_WhatWasPublishedAndNotDeletedIsSentAgainByTheNextProcess) {
  Mortal mortal(*database_);
  mortal.dies = [this] { return !bus_.records().empty(); };
  {
    auto outbox = Outbox::Create(mortal, bus_);
    ASSERT_TRUE(Add(*outbox, {"1", "2"}).ok());
    EXPECT_FALSE(outbox->Flush().ok());
  }
  EXPECT_GE(bus_.records().size(), 2u);
  EXPECT_EQ(Rows(), 2);
  bus_.Clear();
  auto outbox = Outbox::Create(*database_, bus_);
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OutboxTest, FlushReturnsOnceAllIsPublished) {
  auto outbox = Outbox::Create(*database_, bus_);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Add(*outbox, {std::to_string(i)}).ok());
  ASSERT_TRUE(outbox->Flush().ok());
  EXPECT_EQ(Rows(), 0);
  const std::vector<std::string> published = Published();
  ASSERT_EQ(published.size(), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(published[i], std::to_string(i));
}

}  // namespace
}  // namespace cleanmail::outbox
