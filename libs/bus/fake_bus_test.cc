#include "libs/bus/fake_bus.h"

#include <gtest/gtest.h>

namespace cleanmail::bus {
namespace {

Record RecordOf(std::string key, std::string payload) {
  return {.topic = {.name = "fruit.v1"},
          .key = std::move(key),
          .payload = std::move(payload),
          .trace = {}};
}

TEST(FakeBus, RemembersWhatWasPublished) {
  FakeBus bus;
  bool done = false;
  Publication publication;
  publication.records.push_back(RecordOf("a", "apple"));
  bus.Publish(std::move(publication), [&](absl::Status status) { done = status.ok(); });
  EXPECT_TRUE(done);
  ASSERT_EQ(bus.records("fruit.v1").size(), 1u);
  EXPECT_EQ(bus.records()[0].payload, "apple");
  EXPECT_EQ(*bus.NewestPosition("fruit.v1"), 0);
}

TEST(FakeBus, FailsWhenTold) {
  FakeBus bus;
  bus.FailNext(absl::UnavailableError("no"));
  absl::Status seen;
  Publication publication;
  publication.records.push_back(RecordOf("a", "apple"));
  bus.Publish(std::move(publication), [&](absl::Status status) { seen = status; });
  EXPECT_EQ(seen.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(bus.records().empty());
}

TEST(FakeBus, GivesOutEventsAndTellsWhatBecameOfThem) {
  FakeBus bus;
  auto subscription = bus.Subscribe(
      {.topic = "fruit.v1", .group = "eater"}, [](std::vector<std::unique_ptr<Inbound>> batch) {
        for (auto& inbound : batch)
          inbound->Finish(inbound->payload() == "stone" ? absl::InvalidArgumentError("hard")
                                                        : absl::OkStatus());
      });
  const std::vector<size_t> outcomes =
      bus.Deliver({RecordOf("a", "apple"), RecordOf("b", "stone")});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(bus.outcome(outcomes[0]).status->ok());
  EXPECT_FALSE(bus.outcome(outcomes[1]).status->ok());
}

TEST(FakeBus, HoldsDoneUntilReleased) {
  FakeBus bus;
  bus.HoldDone();
  bool done = false;
  bus.Publish({}, [&](absl::Status) { done = true; });
  EXPECT_FALSE(done);
  bus.ReleaseDone();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace cleanmail::bus
