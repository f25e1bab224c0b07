#include <gtest/gtest.h>
#include <unistd.h>

#include "google/protobuf/text_format.h"
#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/base/uuid.h"
#include "libs/bus/fake_bus.h"
#include "libs/store/sql/test_database.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/policy/consumer.h"
#include "services/policy/history/dry_runs.h"
#include "services/policy/history/explain.h"
#include "services/policy/history/memory.h"
#include "services/policy/store.h"

namespace cleanmail::policy::history {
namespace {

template <class T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// Policy's consumer over a fake bus, and what it remembers.
class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok());
    directory_.Apply(Proto<provisioning::v1::DirectoryChanged>(
        "name: 'tenants/acme' tenant { name: 'tenants/acme' }"));
    directory_.Complete();
    book_.Complete();
    subscription_ = *bus_.Subscribe(
        bus::OptionsFor<scanner::v1::MailScanned>("policy"),
        bus::HandleLater<scanner::v1::MailScanned>([this](auto batch) {
          OnScanned({evaluation_, memory_, bus_, clock_, metrics_}, std::move(batch));
        }));
  }
  static std::unique_ptr<sql::Database> Open() { return sql::TestDatabasePlace().Open(); }

  scanner::v1::MailScanned Scanned(double score, const std::string& subject = "Hello") {
    auto scanned = Proto<scanner::v1::MailScanned>(R"(
        generation: 1
        message { tenant: 'acme' direction: DIRECTION_INBOUND size: 100
          envelope { sender: 'ann@sender.example' recipients: 'Bob@acme.example' } }
        findings { name: 'SUBJECT_SHOUTS' weight: 2.5 category: FINDING_CATEGORY_SPAM
                   evidence: 'WON' }
        facts { headers { name: 'Received' value: 'from x' }
                attachments { name: 'a.pdf' part: '2' } })");
    scanned.set_message_id(base::NewUuid(clock_, random_));
    scanned.mutable_message()->set_id(scanned.message_id());
    scanned.mutable_message()->set_subject(subject);
    scanned.mutable_message()->set_accepted_at_us(base::NowMicros(clock_));
    scanned.set_score(score);
    mail::v1::HeaderField& field = *scanned.mutable_facts()->add_headers();
    field.set_name("Subject");
    field.set_value(subject);
    return scanned;
  }
  std::string Judge(const scanner::v1::MailScanned& scanned) {
    bus::PublishEvent(bus_, scanned, "", [](absl::Status) {});
    bus_.DeliverPublished();
    EXPECT_TRUE(memory_.Write().ok());
    return scanned.message_id();
  }
  v1::DryRun Run(const std::string& policy, int32_t days = 7) {
    auto changed = Proto<v1::Policy>(policy);
    changed.set_name("tenants/acme/policies/standard");
    const auto started = dry_runs_.Start("acme", changed, days, "me");
    EXPECT_TRUE(started.ok()) << started.status();
    EXPECT_TRUE(dry_runs_.RunWaiting().ok());
    return *dry_runs_.Get("acme", started->name().substr(started->name().rfind('/') + 1));
  }

  base::FakeClock clock_;
  base::FakeRandom random_;
  bus::FakeBus bus_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  directory::Directory directory_;
  RuleBook book_;
  ListHits hits_;
  Evaluation evaluation_{directory_, book_, clock_, hits_, metrics_};
  std::unique_ptr<sql::Database> database_ = Open();
  Store store_{*database_};
  Memory memory_{store_, book_, clock_, metrics_};
  DryRuns dry_runs_{store_, evaluation_, clock_, random_};
  std::unique_ptr<bus::Subscription> subscription_;
};

TEST_F(HistoryTest, WhatIsJudgedIsRememberedWithoutTraceFields) {
  const std::string id = Judge(Scanned(6));
  const auto judged = store_.Recall("acme", id);
  ASSERT_TRUE(judged.ok()) << judged.status();
  ASSERT_EQ(judged->facts().headers_size(), 1);
  EXPECT_EQ(judged->facts().headers(0).name(), "Subject");
  EXPECT_EQ(judged->groups(0).rule(), "standard/score-at-least-5.0");
  EXPECT_TRUE(absl::IsNotFound(store_.Recall("other", id).status()));
}

TEST_F(HistoryTest, T_E3_AMessageThatCannotBeJudgedStopsNoOther) {
  scanner::v1::MailScanned poison = Scanned(1);
  poison.mutable_message()->mutable_envelope()->clear_recipients();
  const std::vector<size_t> given = bus_.DeliverEvent(poison);
  const std::string id = Judge(Scanned(1));
  ASSERT_EQ(bus_.Events<v1::MailDisposed>().size(), 1U);
  EXPECT_EQ(bus_.Events<v1::MailDisposed>()[0].message_id(), id);
  EXPECT_TRUE(absl::IsInvalidArgument(*bus_.outcome(given[0]).status))
      << "not tried again: it goes to the dead letters, and from there into quarantine";
}

TEST_F(HistoryTest, AJudgementIsForgottenAfterAsManyDaysAsTheTenantWants) {
  const std::string id = Judge(Scanned(1));
  clock_.Advance(absl::Hours(24 * 29));
  ASSERT_TRUE(memory_.Forget().ok());
  EXPECT_TRUE(store_.Recall("acme", id).ok());
  clock_.Advance(absl::Hours(49));
  ASSERT_TRUE(memory_.Forget().ok());
  EXPECT_TRUE(absl::IsNotFound(store_.Recall("acme", id).status()));
}

TEST_F(HistoryTest, ADryRunShowsWhatWouldDifferAndChangesNothing) {
  Judge(Scanned(1, "Invoice 1"));
  Judge(Scanned(1, "Hello"));
  Judge(Scanned(9, "Invoice 2"));
  const size_t published = bus_.records().size();
  const v1::DryRun done = Run(R"(rules { id: 'invoices'
      conditions { header { name: 'Subject' contains: 'invoice' } }
      actions { hold { quarantine: 'bills' } } })");
  EXPECT_EQ(done.progress().state(), api::v1::Progress::STATE_SUCCEEDED);
  EXPECT_EQ(done.messages(), 3);
  EXPECT_EQ(done.different(), 2);
  ASSERT_EQ(done.counts_size(), 2);
  EXPECT_EQ(done.counts(0).before(), "deliver");
  EXPECT_EQ(done.counts(0).after(), "hold policy in bills");
  EXPECT_EQ(done.counts(1).before(), "hold spam");
  ASSERT_EQ(done.examples_size(), 2);
  EXPECT_EQ(done.examples(0).subject(), "Invoice 2") << "the newest first";
  EXPECT_EQ(done.examples(0).rule(), "standard/invoices");
  EXPECT_EQ(bus_.records().size(), published);
  EXPECT_EQ(Run("hold_score: 5").different(), 0);
}

TEST_F(HistoryTest, ADryRunLooksBackAsFarAsAsked) {
  Judge(Scanned(6));
  clock_.Advance(absl::Hours(48));
  Judge(Scanned(6));
  EXPECT_EQ(Run("hold_score: 7", 1).messages(), 1);
  EXPECT_EQ(Run("hold_score: 7", 3).messages(), 2);
  v1::Policy wrong = Proto<v1::Policy>("rules { id: 'A' }");
  EXPECT_TRUE(absl::IsInvalidArgument(dry_runs_.Start("acme", wrong, 1, "me").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(dry_runs_.Start("acme", wrong, 400, "me").status()));
}

TEST_F(HistoryTest, UnfinishedDryRunsAreFewAndSurviveTheirInstance) {
  v1::Policy policy = Proto<v1::Policy>("hold_score: 7");
  policy.set_name("tenants/acme/policies/standard");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(dry_runs_.Start("acme", policy, 1, "me").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(dry_runs_.Start("acme", policy, 1, "me").status()));
  // An instance takes one and is lost.
  const int64_t now = base::NowMicros(clock_);
  ASSERT_TRUE(store_.ClaimDryRun(now, now + 60'000'000)->has_value());
  ASSERT_TRUE(dry_runs_.RunWaiting().ok());
  EXPECT_TRUE(dry_runs_.Start("acme", policy, 1, "me").ok());
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(dry_runs_.RunWaiting().ok());
  const auto listed = dry_runs_.List("acme", "", 10);
  for (const v1::DryRun& dry_run : *listed)
    EXPECT_EQ(dry_run.progress().state(), api::v1::Progress::STATE_SUCCEEDED);
}

TEST_F(HistoryTest, AnExplanationSaysWhichRulesWereTriedAndWhyTheyMatched) {
  v1::RulesChanged change;
  change.set_name("tenants/acme/policies/standard");
  *change.mutable_policy() = Proto<v1::Policy>(R"(hold_score: 5 version: 4
      rules { id: 'zip' conditions { attachment { name: '*.zip' } } actions { hold {} } }
      rules { id: 'tag' conditions { sender_domain: 'sender.example' }
              actions { tag_subject: '[X]' } })");
  change.mutable_policy()->set_name(change.name());
  ASSERT_TRUE(book_.Apply(change).ok());
  const auto judged = store_.Recall("acme", Judge(Scanned(6)));
  ASSERT_TRUE(judged.ok());
  const v1::Explanation explanation =
      Explain(*judged, "", [&](std::string_view policy, int64_t version) {
        EXPECT_EQ(policy, "standard");
        EXPECT_EQ(version, 4);
        return RuleSet::Compile(change.policy());
      });
  ASSERT_EQ(explanation.groups_size(), 1);
  const auto& rules = explanation.groups(0).rules();
  ASSERT_EQ(rules.size(), 7);
  EXPECT_EQ(rules[3].rule(), "standard/zip");
  EXPECT_FALSE(rules[3].matched());
  EXPECT_EQ(rules[3].sentence(),
            "Did not match: it asks that there is an attachment named like \"*.zip\".");
  EXPECT_TRUE(rules[4].matched());
  EXPECT_EQ(rules[6].rule(), "standard/score-at-least-5.0");
  EXPECT_TRUE(rules[6].matched());
  EXPECT_EQ(explanation.findings(0).sentence(),
            "SUBJECT_SHOUTS: a sign for or against spam, +2.5 (seen: WON).");
  const std::string last = explanation.sentences(explanation.sentences_size() - 1);
  EXPECT_EQ(last,
            "Held in quarantine as spam, with changes. Score 6.0, held from 5.0 on. (rule "
            "standard/score-at-least-5.0)");
}

TEST_F(HistoryTest, MessageIdsAreInOrderOfTime) {
  const std::string first = FirstIdAt(clock_.Now());
  EXPECT_TRUE(base::IsUuid(first));
  EXPECT_LE(first, base::NewUuid(clock_, random_));
  EXPECT_GT(FirstIdAt(clock_.Now() + absl::Milliseconds(1)), base::NewUuid(clock_, random_));
}

}  // namespace
}  // namespace cleanmail::policy::history
