#include "services/scanner/learning/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::scanner::learning {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Lesson LessonNamed(const std::string& digest, Feature feature = 7) {
  return {.digest = digest, .features = {feature, 0xFFFFFFFF, 0}};
}

class LessonStore : public ::testing::Test {
 protected:
  Taught Teach(std::string_view tenant, Kind kind, const std::vector<Lesson>& lessons,
               int64_t now_us = 1000, int64_t most = 100) {
    const absl::StatusOr<Taught> taught = store_.Teach(tenant, kind, lessons, now_us, most);
    EXPECT_TRUE(taught.ok()) << taught.status();
    return taught.ok() ? *taught : Taught{};
  }
  LearningState StateOf(std::string_view tenant) { return store_.StateOf(tenant).value(); }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  Store store_{*database_};
};

TEST_F(LessonStore, KeepsWhatItIsTaught) {
  EXPECT_EQ(Teach("acme", Kind::kSpam, {LessonNamed("a"), LessonNamed("b", 9)}).learnt, 2);
  const LearningState state = StateOf("acme");
  EXPECT_EQ(state.spam, 2);
  EXPECT_EQ(state.ham, 0);
  EXPECT_EQ(state.version, 1);
  EXPECT_EQ(state.changed_at_us, 1000);
  const std::vector<RememberedLesson> lessons = store_.Lessons("acme").value();
  ASSERT_THAT(lessons, SizeIs(2));
  EXPECT_THAT(lessons[1].features, ElementsAre(9, 0xFFFFFFFF, 0));
  EXPECT_EQ(lessons[1].kind, Kind::kSpam);
}

TEST_F(LessonStore, TwiceIsOnce) {
  Teach("acme", Kind::kSpam, {LessonNamed("a")});
  const Taught again = Teach("acme", Kind::kSpam, {LessonNamed("a"), LessonNamed("a")});
  EXPECT_EQ(again.learnt, 0);
  EXPECT_EQ(again.known, 2);
  EXPECT_EQ(StateOf("acme").version, 1);
}

TEST_F(LessonStore, TheOtherKindIsLearntInsteadAndForgettingIsExact) {
  Teach("acme", Kind::kSpam, {LessonNamed("a"), LessonNamed("b")});
  EXPECT_EQ(Teach("acme", Kind::kHam, {LessonNamed("a")}).changed, 1);
  EXPECT_EQ(StateOf("acme").spam, 1);
  EXPECT_EQ(StateOf("acme").ham, 1);
  EXPECT_EQ(Teach("acme", Kind::kForget, {LessonNamed("a"), LessonNamed("x")}).forgotten, 1);
  EXPECT_EQ(StateOf("acme").ham, 0);
  EXPECT_THAT(store_.Lessons("acme").value(), SizeIs(1));
}

TEST_F(LessonStore, ATenantSeesNothingOfAnother) {
  Teach("acme", Kind::kSpam, {LessonNamed("a")});
  Teach("other", Kind::kHam, {LessonNamed("a")});
  EXPECT_EQ(StateOf("acme").spam, 1);
  EXPECT_EQ(StateOf("other").ham, 1);
  EXPECT_EQ(store_.ForgetAll("acme", 2000).value(), 1);
  EXPECT_THAT(store_.Lessons("acme").value(), IsEmpty());
  EXPECT_THAT(store_.Lessons("other").value(), SizeIs(1));
  EXPECT_EQ(StateOf("acme").version, 2);
  EXPECT_THAT(store_.States().value(), SizeIs(2));
}

TEST_F(LessonStore, TheOldestOfAKindGoWhenThereAreTooMany) {
  for (int i = 0; i < 5; ++i)
    Teach("acme", Kind::kSpam, {LessonNamed(base::Cat("s", i))}, 1000 + i, 3);
  Teach("acme", Kind::kHam, {LessonNamed("h")}, 2000, 3);
  EXPECT_EQ(StateOf("acme").spam, 3);
  EXPECT_EQ(StateOf("acme").ham, 1);
  EXPECT_EQ(Teach("acme", Kind::kForget, {LessonNamed("s0"), LessonNamed("s4")}).forgotten, 1);
}

TEST_F(LessonStore, WhatIsOldIsForgotten) {
  Teach("acme", Kind::kSpam, {LessonNamed("old")}, 1000);
  Teach("acme", Kind::kSpam, {LessonNamed("new")}, 5000);
  Teach("other", Kind::kHam, {LessonNamed("new")}, 5000);
  EXPECT_EQ(store_.ForgetBefore(3000, 6000).value(), 1);
  EXPECT_EQ(StateOf("acme").spam, 1);
  EXPECT_EQ(StateOf("acme").version, 3);
  EXPECT_EQ(StateOf("other").version, 1);
}

TEST_F(LessonStore, TheFirstKeyStays) {
  const TokenKey first = {1, 0xFFFFFFFFFFFFFFFF};
  EXPECT_EQ(store_.KeyOr(first).value(), first);
  EXPECT_EQ(store_.KeyOr({3, 4}).value(), first);
}

}  // namespace
}  // namespace cleanmail::scanner::learning
