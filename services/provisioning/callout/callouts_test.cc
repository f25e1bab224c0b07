#include "services/provisioning/callout/callouts.h"

#include <thread>

#include <gmock/gmock.h>

#include "libs/base/fake_clock.h"
#include "services/provisioning/provisioning_fixture.h"

namespace cleanmail::provisioning::callout {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CalloutsTest : public ProvisioningFixture {
 protected:
  CalloutsTest() {
    v1::DirectoryChanged change;
    change.set_name("tenants/acme/domains/example.org");
    change.mutable_domain()->set_recipient_mode(v1::RECIPIENT_MODE_CALL_OUT);
    directory_.Apply(change);
    directory_.Complete();
  }
  Answer Check(const std::string& local) {
    const auto answered =
        callouts_.Check("acme", base::Cat(local, "@example.org"), absl::InfiniteFuture());
    EXPECT_TRUE(answered.ok()) << answered.status();
    if (!answered.ok()) return Answer::kUnknown;
    remembered_ = answered->remembered;
    words_ = answered->verdict.words;
    return answered->verdict.answer;
  }
  std::vector<Entry> Entries() { return *callout_store_.List({.tenant = "acme", .limit = 1000}); }
  void Pass(absl::Duration time) { clock_.Advance(time); }

  base::FakeClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  directory::Directory directory_;
  Store callout_store_{*database_};
  Finding next_;
  std::vector<Question> questions_;
  bool remembered_ = false;
  std::string words_;
  Callouts callouts_{{callout_store_, directory_, clock_, random_, *log_, metrics_},
                     [this](Question question, absl::Time, auto done) {
                       questions_.push_back(question);
                       done(next_);
                     },
                     [](auto, auto) { return std::string(); },
                     {}};
};

TEST_F(CalloutsTest, E5_AnswersAreRememberedForTheirTime) {
  next_ = {.verdict = {.answer = Answer::kExists, .words = "250 Ok"}, .server = "mx"};
  EXPECT_EQ(Check("ann"), Answer::kExists);
  EXPECT_FALSE(remembered_);
  next_.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 No"};
  EXPECT_EQ(Check("bob"), Answer::kDoesNotExist);
  EXPECT_EQ(Check("ANN"), Answer::kExists);
  EXPECT_TRUE(remembered_);
  EXPECT_EQ(Check("bob"), Answer::kDoesNotExist);
  EXPECT_EQ(words_, "550 5.1.1 No");
  EXPECT_THAT(questions_, SizeIs(2));
  Pass(absl::Hours(2) + absl::Seconds(1));
  Check("bob");
  EXPECT_THAT(questions_, SizeIs(3));
  Check("ann");
  EXPECT_THAT(questions_, SizeIs(3)) << "a yes lives 96 hours";
  Pass(absl::Hours(95));
  Check("ann");
  EXPECT_THAT(questions_, SizeIs(4));
}

TEST_F(CalloutsTest, E5_WhatIsNotKnownIsNeverRemembered) {
  next_ = {.verdict = {.answer = Answer::kUnknown, .words = "451 later"}};
  EXPECT_EQ(Check("ann"), Answer::kUnknown);
  EXPECT_EQ(Check("ann"), Answer::kUnknown);
  EXPECT_THAT(questions_, SizeIs(2));
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(CalloutsTest, E6_ADeletedEntryIsAskedAfreshAndAClearedDomainToo) {
  next_ = {.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 wrong"}};
  Check("ann");
  ASSERT_THAT(Entries(), SizeIs(1));
  EXPECT_EQ(Entries()[0].reply, "550 5.1.1 wrong");
  EXPECT_TRUE(*callout_store_.Delete("acme", "ann@example.org"));
  next_.verdict = {.answer = Answer::kExists, .words = "250 Ok"};
  EXPECT_EQ(Check("ann"), Answer::kExists);
  Check("bob");
  EXPECT_EQ(*callouts_.Clear("other", "example.org"), 0) << "another tenant's word";
  EXPECT_EQ(*callouts_.Clear("acme", "example.org"), 2);
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(CalloutsTest, ADestinationThatTakesAllIsNotAskedForADay) {
  next_ = {.verdict = {.answer = Answer::kExists, .words = "250 Ok"}, .accepts_all = true};
  EXPECT_EQ(Check("ann"), Answer::kExists);
  EXPECT_THAT(questions_[0].impossible, HasSubstr("@example.org"));
  EXPECT_EQ(Check("whoever"), Answer::kExists);
  EXPECT_TRUE(remembered_);
  EXPECT_THAT(Entries(), IsEmpty());
  Pass(absl::Hours(25));
  next_ = {.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 No"}};
  EXPECT_EQ(Check("whoever"), Answer::kDoesNotExist);
}

TEST_F(CalloutsTest, E6_ABurstOfNoForKnownRecipientsAlertsAndIsNotBelieved) {
  next_ = {.verdict = {.answer = Answer::kExists, .words = "250 Ok"}};
  for (int i = 0; i < 20; ++i) Check(base::Cat("user", i));
  Pass(absl::Hours(97));
  next_.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 not here"};
  for (int i = 0; i < 20; ++i) Check(base::Cat("user", i));
  EXPECT_EQ(Check("user19"), Answer::kUnknown);
  EXPECT_THAT(words_, HasSubstr("not believed"));
  EXPECT_EQ(metrics_.callout_alerts.value(), 1);
  for (const Entry& entry : Entries()) EXPECT_EQ(entry.answer, Answer::kExists);
  const auto status = *callout_store_.StatusOf("example.org");
  ASSERT_TRUE(status.has_value());
  EXPECT_GT(status->alert_since_us, 0);
  EXPECT_THAT(status->alert, HasSubstr("550 5.1.1 not here"));
  // It says yes again, and ten minutes later no is believed again.
  Pass(absl::Minutes(11));
  next_.verdict = {.answer = Answer::kExists, .words = "250 Ok"};
  EXPECT_EQ(Check("user19"), Answer::kExists);
  next_.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 No"};
  EXPECT_EQ(Check("stranger"), Answer::kDoesNotExist);
  EXPECT_EQ((*callout_store_.StatusOf("example.org"))->alert_since_us, 0);
}

TEST_F(CalloutsTest, OneKnownRecipientWhoLeftIsNoBurst) {
  next_ = {.verdict = {.answer = Answer::kExists, .words = "250 Ok"}};
  for (int i = 0; i < 10; ++i) Check(base::Cat("user", i));
  Pass(absl::Hours(97));
  next_.verdict = {.answer = Answer::kDoesNotExist, .words = "550 5.1.1 gone"};
  EXPECT_EQ(Check("user1"), Answer::kDoesNotExist);
  EXPECT_EQ(Check("user1"), Answer::kDoesNotExist);
  EXPECT_TRUE(remembered_);
  EXPECT_EQ(metrics_.callout_alerts.value(), 0);
}

TEST_F(CalloutsTest, T_D8_ADomainOfAnotherTenantIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(
      callouts_.Check("other", "ann@example.org", absl::InfiniteFuture()).status()));
  EXPECT_TRUE(absl::IsNotFound(
      callouts_.Check("acme", "ann@nowhere.example", absl::InfiniteFuture()).status()));
  EXPECT_THAT(questions_, IsEmpty());
}

TEST_F(CalloutsTest, OneQuestionAnAddressIsOutAndWaitersShareItOrLeave) {
  absl::Mutex mutex;
  std::vector<std::function<void(Finding)>> waiting;
  Callouts slow(
      {callout_store_, directory_, clock_, random_, *log_, metrics_},
      [&](Question, absl::Time, auto done) {
        const absl::MutexLock lock(&mutex);
        waiting.push_back(done);
      },
      [](auto, auto) { return std::string(); }, {.timeout = absl::Seconds(20), .per_domain = 2});
  std::vector<std::thread> threads;
  std::atomic<int> yes{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto answered = slow.Check("acme", "ann@example.org", absl::InfiniteFuture());
      yes += answered.ok() && answered->verdict.answer == Answer::kExists;
    });
  }
  const auto left = slow.Check("acme", "bob@example.org", absl::Now() + absl::Milliseconds(20));
  EXPECT_EQ(left->verdict.answer, Answer::kUnknown);
  {
    const absl::MutexLock lock(&mutex);
    const auto two = [&] { return waiting.size() == 2; };
    mutex.Await(absl::Condition(&two));
  }
  const auto refused = slow.Check("acme", "eve@example.org", absl::InfiniteFuture());
  EXPECT_THAT(refused->verdict.words, HasSubstr("too many questions"));
  std::vector<std::function<void(Finding)>> dones;
  {
    const absl::MutexLock lock(&mutex);
    dones.swap(waiting);
  }
  for (const auto& done : dones)
    done({.verdict = {.answer = Answer::kExists, .words = "250 Ok"}, .server = ""});
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(yes, 4);
}

}  // namespace
}  // namespace cleanmail::provisioning::callout
