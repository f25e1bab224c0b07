#include "services/scanner/learning/lessons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::scanner::learning {
namespace {

bool EveryoneExists(const std::string&) { return true; }

std::string MailOf(bool spam, int number) {
  std::string text;
  for (int i = 0; i < 12; ++i)
    text += base::Cat(spam ? "pill" : "minute", (number * 7 + i * 3) % 20, " common", i, " ");
  return base::Cat("Subject: x\nMessage-ID: <", number, spam ? "s" : "h", "@x>\n\n", text, "\n");
}

// One process of the room; several may be over one database.
struct Instance {
  Instance(sql::Database& database, base::FakeClock& clock, LearningOptions options, uint64_t seed)
      : store(database),
        metrics(registry),
        lessons(Lessons::Create(store, clock, metrics, {seed, seed}, options).value()) {}

  Store store;
  telemetry::MetricsRegistry registry;
  Metrics metrics;
  std::unique_ptr<Lessons> lessons;
};

class LessonsTest : public ::testing::Test {
 protected:
  static Taught Teach(Instance& instance, std::string_view tenant, Kind kind, bool spam, int from,
                      int count) {
    std::vector<std::string> mails;
    for (int i = from; i < from + count; ++i) mails.push_back(MailOf(spam, i));
    const std::vector<std::string_view> views(mails.begin(), mails.end());
    return instance.lessons->Teach(tenant, kind, views).value();
  }
  static void TeachBoth(Instance& instance, std::string_view tenant, int count) {
    Teach(instance, tenant, Kind::kSpam, true, 0, count);
    Teach(instance, tenant, Kind::kHam, false, 0, count);
  }
  static std::optional<double> Judge(Instance& instance, std::string_view tenant, bool spam) {
    const std::string mail = MailOf(spam, 5001);
    const auto opinion = instance.lessons->Judge(tenant, ParsedMessage(mail));
    return opinion.has_value() ? std::optional(opinion->probability) : std::nullopt;
  }
  // Refreshes as often as its rests take.
  static bool RefreshUntil(Instance& instance, const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (absl::Now() < deadline) {
      EXPECT_TRUE(instance.lessons->Refresh().ok());
      if (done()) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  base::FakeClock clock_;
  const LearningOptions options_ = {.least = 20, .most = 100};
};

TEST_F(LessonsTest, SaysNothingUntilEnoughOfBothKindsWasTaught) {
  Instance instance(*database_, clock_, options_, 1);
  Teach(instance, "acme", Kind::kSpam, true, 0, 20);
  Teach(instance, "acme", Kind::kHam, false, 0, 19);
  ASSERT_TRUE(instance.lessons->Refresh().ok());
  EXPECT_EQ(Judge(instance, "acme", true), std::nullopt);
  Teach(instance, "acme", Kind::kHam, false, 19, 1);
  ASSERT_TRUE(RefreshUntil(instance, [&] { return Judge(instance, "acme", true).has_value(); }));
  EXPECT_GT(*Judge(instance, "acme", true), 0.9);
  EXPECT_LT(*Judge(instance, "acme", false), 0.1);
  EXPECT_EQ(Judge(instance, "other", true), std::nullopt);
  EXPECT_EQ(Judge(instance, "", true), std::nullopt);
}

TEST_F(LessonsTest, EveryInstanceLearnsTheSameFromWhatAnyIsTaught) {
  Instance one(*database_, clock_, options_, 1);
  Instance other(*database_, clock_, options_, 2);
  TeachBoth(one, kShared, 20);
  ASSERT_TRUE(RefreshUntil(one, [&] { return Judge(one, "acme", true).has_value(); }));
  ASSERT_TRUE(RefreshUntil(other, [&] { return Judge(other, "acme", true).has_value(); }));
  EXPECT_EQ(Judge(one, "acme", true), Judge(other, "acme", true));
}

TEST_F(LessonsTest, ATenantNeedsFewOfItsOwnOnTopOfWhatAllShare) {
  Instance instance(*database_, clock_, options_, 1);
  TeachBoth(instance, kShared, 20);
  // What others call spam is wanted here.
  Teach(instance, "acme", Kind::kHam, true, 100, 20);
  Teach(instance, "acme", Kind::kSpam, false, 100, 20);
  ASSERT_TRUE(RefreshUntil(instance, [&] {
    return Judge(instance, "acme", true).value_or(1) < 0.5;
  })) << Judge(instance, "acme", true).value_or(-1);
  EXPECT_GT(*Judge(instance, "other", true), 0.9);
}

TEST_F(LessonsTest, UnlearningIsExact) {
  Instance instance(*database_, clock_, options_, 1);
  TeachBoth(instance, "acme", 25);
  ASSERT_TRUE(RefreshUntil(instance, [&] { return Judge(instance, "acme", true).has_value(); }));
  const std::optional<double> before = Judge(instance, "acme", true);
  Teach(instance, "acme", Kind::kHam, true, 50, 10);
  ASSERT_TRUE(RefreshUntil(instance, [&] { return Judge(instance, "acme", true) != before; }));
  Teach(instance, "acme", Kind::kForget, true, 50, 10);
  EXPECT_TRUE(RefreshUntil(instance, [&] { return Judge(instance, "acme", true) == before; }));
  ASSERT_TRUE(instance.lessons->ForgetAll("acme").ok());
  EXPECT_TRUE(RefreshUntil(instance, [&] { return !Judge(instance, "acme", true).has_value(); }));
}

TEST_F(LessonsTest, WhatIsOldIsForgotten) {
  Instance instance(*database_, clock_, options_, 1);
  TeachBoth(instance, "acme", 20);
  clock_.Advance(options_.keep + absl::Hours(1));
  ASSERT_TRUE(instance.lessons->Sweep(EveryoneExists).ok());
  EXPECT_EQ(instance.lessons->StatusOf("acme")->state.spam, 0);
}

TEST_F(LessonsTest, WhatTenantsThatAreGoneHadLearntIsForgotten) {
  Instance instance(*database_, clock_, options_, 1);
  for (const char* const tenant : {"acme", "gone", "-"}) TeachBoth(instance, tenant, 20);
  const auto exists = [](const std::string& tenant) { return tenant == "acme"; };
  const auto spam_of = [&](const char* tenant) {
    return instance.lessons->StatusOf(tenant)->state.spam;
  };
  ASSERT_TRUE(instance.lessons->Sweep(exists).ok());
  EXPECT_EQ(spam_of("gone"), 20) << "its news may be under way";
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(instance.lessons->Sweep(exists).ok());
  EXPECT_EQ(spam_of("gone"), 0);
  EXPECT_EQ(spam_of("acme"), 20);
  EXPECT_EQ(spam_of("-"), 20) << "what all share is no tenant's";
  const int64_t version = instance.lessons->StatusOf("gone")->state.version;
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(instance.lessons->Sweep(exists).ok());
  EXPECT_EQ(instance.lessons->StatusOf("gone")->state.version, version) << "once is enough";
}

TEST_F(LessonsTest, TenantsBeyondTheMemoryGoWithoutTheirOwn) {
  LearningOptions options = options_;
  options.bytes = 2500 << 10;  // two classifiers of 1 MiB
  Instance instance(*database_, clock_, options, 1);
  for (const char* tenant : {"a", "b", "c"}) TeachBoth(instance, tenant, 20);
  const auto judged = [&] {
    int count = 0;
    for (const char* tenant : {"a", "b", "c"})
      count += instance.lessons->StatusOf(tenant)->ready ? 1 : 0;
    return count;
  };
  EXPECT_TRUE(RefreshUntil(instance, [&] { return judged() == 2; }));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(instance.lessons->Refresh().ok());
    EXPECT_LE(judged(), 2);
    absl::SleepFor(absl::Milliseconds(5));
  }
}

TEST_F(LessonsTest, AFileWithoutWordsIsRefused) {
  Instance instance(*database_, clock_, options_, 1);
  const std::vector<std::string_view> mails = {"\n"};
  EXPECT_TRUE(
      absl::IsInvalidArgument(instance.lessons->Teach("acme", Kind::kSpam, mails).status()));
}

TEST(LessonOf, IsTheSameMailWhicheverWayItCame) {
  const std::string mail = "From: <a@x>\r\nSubject: hello\r\n\r\nWords of a mail.\r\n";
  const std::string relayed = "Received: by gateway\r\nX-Spam: no\r\n" + mail;
  EXPECT_EQ(LessonOf(mail, {1, 2}).digest, LessonOf(relayed, {1, 2}).digest);
  EXPECT_EQ(LessonOf(mail, {1, 2}).features, LessonOf(relayed, {1, 2}).features);
  EXPECT_NE(LessonOf(mail, {1, 2}).digest,
            LessonOf("From: <b@x>\r\nSubject: hello\r\n\r\nWords of a mail.\r\n", {1, 2}).digest);
}

}  // namespace
}  // namespace cleanmail::scanner::learning
