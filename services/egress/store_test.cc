#include "services/egress/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::egress {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'000'000;

class StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<sql::Members> Join(std::string instance) {
    return *sql::Members::Join(*database_, clock_, random_, {.instance = std::move(instance)});
  }
  // What an instance's timer does meanwhile; those it found dead at the end.
  std::vector<sql::Members::Dead> Watch(sql::Members& a, int seconds) {
    std::vector<sql::Members::Dead> dead = *a.FindDead();
    for (int second = 0; second < seconds; ++second) {
      clock_.Advance(absl::Seconds(1));
      EXPECT_TRUE(a.Beat().ok());
      dead = *a.FindDead();
    }
    return dead;
  }
  void Add(int number) {
    Delivery delivery;
    delivery.id = base::Cat("m", number, "/disposed/1/example.org");
    delivery.stage = "disposed/1";
    delivery.destination = "example.org";
    delivery.recipients = {"ann@example.org"};
    delivery.next_attempt_at_us = number;
    delivery.message.set_id(base::Cat("m", number));
    delivery.message.set_tenant("acme");
    ASSERT_TRUE(store_
                    .Transact([&](sql::Session& session) {
                      return Store::Insert(session, delivery, "").status();
                    })
                    .ok());
  }
  absl::Status Defer(Delivery delivery) {
    delivery.next_attempt_at_us = kNow;
    return store_.Transact([&](sql::Session& session) { return Store::Defer(session, delivery); });
  }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  base::FakeClock clock_;
  base::FakeRandom random_;
  Store store_{*database_};
};

TEST_F(StoreTest, WhatIsDueIsClaimedOnceAndTheLongestDueFirst) {
  const auto a = Join("a");
  const auto b = Join("b");
  for (int i = 0; i < 3; ++i) Add(i);
  const auto first = *store_.ClaimDue(a->self(), kNow, 2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].message.id(), "m0");
  EXPECT_EQ(first[0].claimed_by, a->self());
  EXPECT_THAT(*store_.ClaimDue(b->self(), kNow, 10), SizeIs(1));
  EXPECT_THAT(*store_.ClaimDue(b->self(), kNow, 10), IsEmpty());
}

TEST_F(StoreTest, WhatADeadInstanceHadClaimedIsFreeAndWhatALivingOneHasIsNot) {
  const auto a = Join("a");
  const auto b = Join("b");
  for (int i = 0; i < 2; ++i) Add(i);
  ASSERT_THAT(*store_.ClaimDue(a->self(), kNow, 1), SizeIs(1));
  ASSERT_THAT(*store_.ClaimDue(b->self(), kNow, 1), SizeIs(1));
  EXPECT_EQ(*store_.ReleaseClaimsOf(Watch(*a, 7)), 1);
  EXPECT_THAT(*store_.ClaimDue(a->self(), kNow, 10), SizeIs(1));
}

TEST_F(StoreTest, WhoWasTakenForDeadChangesNothingOfWhatOthersHaveInHandButTellsItsEnd) {
  const auto a = Join("a");
  const auto b = Join("b");
  Add(1);
  const Delivery frozen = (*store_.ClaimDue(b->self(), kNow, 1))[0];
  ASSERT_EQ(*store_.ReleaseClaimsOf(Watch(*a, 90)), 1);
  ASSERT_THAT(*store_.ClaimDue(a->self(), kNow, 1), SizeIs(1));
  ASSERT_TRUE(Defer(frozen).ok());
  EXPECT_THAT(*store_.ClaimDue(b->self(), kNow, 1), IsEmpty()) << "it is still a's";
  ASSERT_TRUE(store_
                  .Transact([&](sql::Session& session) {
                    return Store::Finish(session, frozen.id, "250 ok", kNow);
                  })
                  .ok());
  EXPECT_EQ(*store_.CountOpen(), 0) << "delivered is delivered, whoever did it";
}

TEST_F(StoreTest, AClaimMadeByAnInstanceThatWasBuriedIsFreedLater) {
  const auto a = Join("a");
  const auto b = Join("b");
  ASSERT_EQ(*store_.ReleaseClaimsOf(Watch(*a, 90)), 0);
  Add(1);
  ASSERT_THAT(*store_.ClaimDue(b->self(), kNow, 1), SizeIs(1));
  EXPECT_EQ(*store_.ReleaseClaimsOf({}), 1);
}

TEST_F(StoreTest, WhatWasClaimedUnderANameThatWasGivenUpIsFreeAtOnce) {
  const auto a = Join("a");
  Add(1);
  // The answer was lost: it is claimed, and in nobody's memory.
  ASSERT_THAT(*store_.ClaimDue(a->self(), kNow, 1), SizeIs(1));
  ASSERT_TRUE(a->Rejoin().ok());
  EXPECT_EQ(*store_.ReleaseClaimsOf(*a->FindDead()), 1);
  EXPECT_THAT(*store_.ClaimDue(a->self(), kNow, 1), SizeIs(1));
}

}  // namespace
}  // namespace cleanmail::egress
