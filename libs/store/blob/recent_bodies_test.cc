#include "libs/store/blob/recent_bodies.h"

#include <gtest/gtest.h>

namespace cleanmail::blob {
namespace {

const BlobName kOne = {.tenant = "acme", .message = "one"};
const BlobName kTwo = {.tenant = "acme", .message = "two"};
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kLife = absl::Seconds(10);

TEST(RecentBodiesTest, ABodyIsFoundWhileItIsRecent) {
  RecentBodies bodies(1000, kLife);
  bodies.Keep(kOne, "first", kNow);
  EXPECT_EQ(bodies.Find(kTwo, kNow), std::nullopt);
  EXPECT_EQ(bodies.Find(kOne, kNow + kLife - absl::Seconds(1)), "first");
  EXPECT_EQ(bodies.Find(kOne, kNow + kLife), std::nullopt);
}

TEST(RecentBodiesTest, AnotherTenantsMessageOfTheSameNameIsAnother) {
  RecentBodies bodies(1000, kLife);
  bodies.Keep(kOne, "acme's", kNow);
  EXPECT_EQ(bodies.Find({.tenant = "other", .message = "one"}, kNow), std::nullopt);
}

TEST(RecentBodiesTest, WhenThereIsNoRoomNewOnesAreNotHeld) {
  RecentBodies bodies(100, kLife);
  bodies.Keep(kOne, std::string(99, '1'), kNow);
  bodies.Keep(kTwo, "22", kNow);
  EXPECT_FALSE(bodies.Find(kTwo, kNow).has_value());
  EXPECT_TRUE(bodies.Find(kOne, kNow).has_value());
  bodies.Keep(kTwo, "22", kNow + kLife);
  EXPECT_TRUE(bodies.Find(kTwo, kNow + kLife).has_value());
}

TEST(RecentBodiesTest, OnceReadTwiceItMakesRoom) {
  RecentBodies bodies(100, kLife);
  bodies.Keep(kOne, std::string(99, '1'), kNow);
  EXPECT_TRUE(bodies.Find(kOne, kNow).has_value());
  EXPECT_TRUE(bodies.Find(kOne, kNow).has_value());
  EXPECT_FALSE(bodies.Find(kOne, kNow).has_value());
  bodies.Keep(kTwo, std::string(99, '2'), kNow);
  EXPECT_TRUE(bodies.Find(kTwo, kNow).has_value());
}

TEST(RecentBodiesTest, WhatIsForgottenIsNotFoundAndTakesNoRoom) {
  RecentBodies bodies(100, kLife);
  bodies.Keep(kOne, std::string(50, '1'), kNow);
  bodies.Forget(kOne);
  EXPECT_FALSE(bodies.Find(kOne, kNow).has_value());
  bodies.Keep(kTwo, std::string(100, '2'), kNow);
  EXPECT_TRUE(bodies.Find(kTwo, kNow).has_value());
}

TEST(RecentBodiesTest, ABodyWrittenAgainIsTheNewOne) {
  RecentBodies bodies(100, kLife);
  bodies.Keep(kOne, "old", kNow);
  bodies.Keep(kOne, "new", kNow + absl::Seconds(5));
  EXPECT_EQ(bodies.Find(kOne, kNow + absl::Seconds(5)), "new");
  EXPECT_EQ(bodies.Find(kOne, kNow + absl::Seconds(11)), "new");
}

}  // namespace
}  // namespace cleanmail::blob
