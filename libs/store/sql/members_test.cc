#include "libs/store/sql/members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::sql {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class MembersTest : public ::testing::Test {
 protected:
  std::unique_ptr<Members> Join(const base::Clock& clock, std::string instance,
                                bool alone = false) {
    return *Members::Join(*database_, clock, random_,
                          {.instance = std::move(instance), .alone = alone});
  }
  // What a's timer does meanwhile; those it found dead at the end.
  std::vector<Members::Dead> Watch(Members& a, int seconds) {
    std::vector<Members::Dead> dead = *a.FindDead();
    for (int second = 0; second < seconds; ++second) {
      clock_.Advance(absl::Seconds(1));
      EXPECT_TRUE(a.Beat().ok());
      dead = *a.FindDead();
    }
    return dead;
  }
  bool Bury(const Members::Dead& dead) {
    bool buried = false;
    EXPECT_TRUE(database_
                    ->Transact([&](Session& session) {
                      const auto answer = Members::Bury(session, dead);
                      buried = answer.value_or(false);
                      return answer.status();
                    })
                    .ok());
    return buried;
  }

  std::unique_ptr<Database> database_ =
      NewTestDatabase(std::vector<Migration>{{1, "members", kMembersMigration}});
  base::FakeRandom random_;
  base::FakeClock clock_;
};

TEST_F(MembersTest, WhoStopsBeatingIsDeadAfterThePatienceAndBuriedOnce) {
  const auto a = Join(clock_, "a");
  const auto b = Join(clock_, "b");
  EXPECT_THAT(*a->FindDead(), IsEmpty());
  for (int second = 0; second < 5; ++second) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(a->Beat().ok());
    EXPECT_THAT(*a->FindDead(), IsEmpty()) << second;
  }
  EXPECT_TRUE(b->Holds(b->self()));
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(b->Holds(b->self())) << "it stops acting before anybody takes over";
  const auto dead = *a->FindDead();
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].member, b->self());
  EXPECT_TRUE(Bury(dead[0]));
  EXPECT_FALSE(Bury(dead[0])) << "another instance was first";
}

TEST_F(MembersTest, WhoWasBuriedWhileFrozenLearnsItAndBeginsAnew) {
  const auto a = Join(clock_, "a");
  const auto b = Join(clock_, "b");
  const auto dead = Watch(*a, 90);
  ASSERT_THAT(dead, SizeIs(1));
  ASSERT_TRUE(Bury(dead[0]));
  const std::string before = b->self();
  EXPECT_TRUE(absl::IsFailedPrecondition(b->Beat()));
  EXPECT_FALSE(b->Holds(before));
  ASSERT_TRUE(b->Rejoin().ok());
  EXPECT_TRUE(b->Holds(b->self()));
  EXPECT_FALSE(b->Holds(before));
}

TEST_F(MembersTest, WhoBeatsInTheLastMomentIsNotBuried) {
  const auto a = Join(clock_, "a");
  const auto b = Join(clock_, "b");
  const auto dead = Watch(*a, 6);
  ASSERT_THAT(dead, SizeIs(1));
  ASSERT_TRUE(b->Beat().ok());
  EXPECT_FALSE(Bury(dead[0]));
  EXPECT_TRUE(b->Holds(b->self()));
}

TEST_F(MembersTest, WhoeverCouldNotLookBuriesNobody) {
  const auto a = Join(clock_, "a");
  const auto b = Join(clock_, "b");
  (void)Watch(*a, 2);
  clock_.Advance(absl::Seconds(30));  // the database was away for both of them
  ASSERT_TRUE(a->Beat().ok());
  EXPECT_THAT(*a->FindDead(), IsEmpty()) << "b had no chance to beat";
  EXPECT_THAT(Watch(*a, 5), IsEmpty());
  EXPECT_THAT(Watch(*a, 1), SizeIs(1)) << "now it had";
}

TEST_F(MembersTest, AClockThatIsAheadBuriesNobody) {
  base::FakeClock ahead(clock_.Now() + absl::Hours(1));
  const auto a = Join(ahead, "a");
  const auto b = Join(clock_, "b");
  EXPECT_THAT(*a->FindDead(), IsEmpty());
  EXPECT_THAT(*b->FindDead(), IsEmpty());
}

TEST_F(MembersTest, AnInstanceThatStartsAgainTakesOverItsOwnAtOnce) {
  const std::string before = Join(clock_, "a")->self();
  const std::string other = Join(clock_, "b")->self();
  const auto again = Join(clock_, "a");
  const auto dead = *again->FindDead();
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].member, before);
  const auto alone = Join(clock_, "c", true);
  EXPECT_THAT(*alone->FindDead(), SizeIs(3)) << "nobody else can be there";
}

}  // namespace
}  // namespace cleanmail::sql
