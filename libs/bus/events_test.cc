#include "libs/bus/events.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "proto/cleanmail/bus/v1/options.pb.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::bus {
namespace {

const TopicOptions* Find(const std::vector<TopicOptions>& topics, const std::string& name) {
  const auto it = std::find_if(topics.begin(), topics.end(),
                               [&](const TopicOptions& topic) { return topic.name == name; });
  return it == topics.end() ? nullptr : &*it;
}

TEST(Events, AllTopicsAreThoseOfTheEventsThatAreLinkedIn) {
  (void)ingress::v1::MailReceived::descriptor();
  (void)provisioning::v1::DirectoryChanged::descriptor();
  const std::vector<TopicOptions> topics = AllTopics();
  const TopicOptions* received = Find(topics, "mail.received.v1");
  ASSERT_NE(received, nullptr);
  EXPECT_TRUE(received->flushed);
  EXPECT_FALSE(received->compacted);
  const TopicOptions* directory = Find(topics, "directory.changed.v1");
  ASSERT_NE(directory, nullptr);
  EXPECT_TRUE(directory->compacted);
  EXPECT_EQ(Find(topics, "mail.scanned.v1"), nullptr);
  EXPECT_TRUE(std::is_sorted(topics.begin(), topics.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(Events, ADeadLetterCarriesTheEventItsGroupAndTheReason) {
  const Record record = MakeDeadLetter("fruit.v1", "eater", "apple", "bytes", "00-trace",
                                       absl::DataLossError("rotten"), 17);
  EXPECT_EQ(record.topic.name, "fruit.v1.dead");
  EXPECT_EQ(record.key, "apple");
  EXPECT_EQ(record.trace, "00-trace");
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(record.payload));
  EXPECT_EQ(letter.topic(), "fruit.v1");
  EXPECT_EQ(letter.group(), "eater");
  EXPECT_EQ(letter.payload(), "bytes");
  EXPECT_EQ(letter.reason(), "DATA_LOSS: rotten");
  EXPECT_EQ(letter.failed_at_us(), 17);
}

}  // namespace
}  // namespace cleanmail::bus
