#include "services/policy/policies.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "google/protobuf/text_format.h"
#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/rpc/answer.h"
#include "libs/store/sql/test_database.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "services/policy/import_lines.h"
#include "services/policy/lists.h"
#include "services/policy/rule_book.h"
#include "services/policy/rules_follower.h"
#include "services/policy/sender_lists.h"

namespace cleanmail::policy {
namespace {

template <class T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// The store with its outbox, and an instance that follows.
class PoliciesTest : public testing::Test {
 protected:
  PoliciesTest() {
    EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok());
    outbox_ = outbox::Outbox::Create(*database_, bus_);
    store_ = std::make_unique<Store>(*database_, *outbox_);
    EXPECT_TRUE(follower_.Start().ok());
  }
  static std::unique_ptr<sql::Database> Open() { return sql::TestDatabasePlace().Open(); }

  PolicyEdit Edit(const std::string& policy, const std::string& etag = "") {
    return {
        .tenant = "acme", .policy = policy, .author = "token/1", .comment = "why", .etag = etag};
  }
  absl::StatusOr<Change<v1::Policy>> Update(const std::string& policy, const std::string& content,
                                            std::vector<std::string> mask = {}) {
    google::protobuf::FieldMask paths;
    for (std::string& path : mask) paths.add_paths(std::move(path));
    return Policies(*store_, clock_).Update(Edit(policy), Proto<v1::Policy>(content), paths);
  }
  v1::ImportListEntriesResponse Import(const std::string& content, bool validate_only = false,
                                       const std::string& scope = "") {
    v1::ImportListEntriesRequest request;
    request.set_content(content);
    request.set_kind(v1::ListEntry::KIND_ALLOW);
    request.set_scope(scope);
    request.set_validate_only(validate_only);
    auto said = lists().Import("acme", request, "token/1", [](std::string_view) { return true; });
    EXPECT_TRUE(said.ok()) << said.status();
    return said.ok() ? *said : v1::ImportListEntriesResponse();
  }
  Policies policies() { return Policies(*store_, clock_); }
  Lists lists() { return Lists(*store_, clock_, random_); }

  base::FakeClock clock_;
  base::FakeRandom random_;
  bus::FakeBus bus_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<sql::Database> database_ = Open();
  std::unique_ptr<outbox::Outbox> outbox_;
  std::unique_ptr<Store> store_;
  RuleBook book_;
  const std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  RulesFollower follower_{bus_, book_, *log_, metrics_};
};

TEST_F(PoliciesTest, C2_BothRecommendedPoliciesAreThereAndBecomeTheTenantsOwn) {
  auto all = policies().List("acme");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(all->at(0).version(), 0);
  ASSERT_TRUE(Update("standard", "hold_score: 7").ok());
  all = policies().List("acme");
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(all->at(0).version(), 1);
  EXPECT_EQ(all->at(0).hold_score(), 7);
  EXPECT_EQ(all->at(0).display_name(), "Standard with quarantine report") << "not in the mask";
  EXPECT_EQ(all->at(0).author(), "token/1");
}

TEST_F(PoliciesTest, A14_EveryChangeIsAVersionAndRollbackIsOneMore) {
  ASSERT_TRUE(policies().Create(Edit("own"), Proto<v1::Policy>("display_name: 'Own'")).ok());
  const auto wrong = Update("own", "rules { id: 'oops' actions { hold {} } }");
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_EQ(wrong->after.version(), 2);
  EXPECT_EQ(wrong->before->version(), 1);
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_EQ(book_.PolicyOf("acme", "own").rules->rules().size(), 1U);

  const auto back = policies().Rollback(Edit("own"), 1);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->after.version(), 3);
  EXPECT_EQ(back->after.rules_size(), 0);
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_EQ(book_.PolicyOf("acme", "own").rules->rules().size(), 0U) << "every instance follows";

  const auto versions = policies().ListVersions("acme", "own", INT64_MAX, 10);
  ASSERT_TRUE(versions.ok());
  ASSERT_EQ(versions->size(), 3U);
  EXPECT_EQ(versions->at(0).rolled_back_to(), 1);
  EXPECT_EQ(versions->at(1).policy().rules(0).id(), "oops");
  EXPECT_EQ(versions->at(0).comment(), "why");
}

TEST_F(PoliciesTest, ABusThatHasForgottenIsToldAllRulesAgain) {
  EXPECT_EQ(*store_->TellAll(), 0);
  ASSERT_TRUE(Update("standard", "rules { id: 'kept' actions { hold {} } }").ok());
  Import("friend@example.net\n");
  bus::FakeBus new_bus;
  const auto new_outbox = outbox::Outbox::Create(*database_, new_bus);
  ASSERT_TRUE(outbox_->Flush().ok());
  RuleBook book;
  RulesFollower follower(new_bus, book, *log_, metrics_);
  ASSERT_TRUE(follower.Start().ok());
  outbox_.reset();  // it would send to the old bus

  EXPECT_EQ(*Store(*database_, *new_outbox).TellAll(), 2);
  ASSERT_TRUE(new_outbox->Flush().ok());
  ASSERT_EQ(book.PolicyOf("acme", "standard").rules->rules().size(), 1U);
}

TEST_F(PoliciesTest, ARecommendedPolicyGoesBackToVersionZero) {
  ASSERT_TRUE(Update("standard", "hold_score: 9").ok());
  const auto back = policies().Rollback(Edit("standard"), 0);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->after.hold_score(), 5);
  EXPECT_EQ(back->after.version(), 2);
  EXPECT_TRUE(absl::IsNotFound(policies().Rollback(Edit("own"), 0).status()));
}

TEST_F(PoliciesTest, ChangesThatMeetAreNoticed) {
  const auto first = Update("standard", "hold_score: 6");
  const auto second =
      policies().Update(Edit("standard", "\"0\""), Proto<v1::Policy>("hold_score: 8"), {});
  EXPECT_TRUE(absl::IsAborted(second.status()));
  EXPECT_EQ(rpc::ReasonOf(second.status()), "ETAG_MISMATCH");
  EXPECT_TRUE(
      policies()
          .Update(Edit("standard", first->after.etag()), Proto<v1::Policy>("hold_score: 8"), {})
          .ok());
}

TEST_F(PoliciesTest, AMaskNamesWhatIsChanged) {
  ASSERT_TRUE(Update("standard", "hold_score: 6 rules { id: 'a' actions { hold {} } }").ok());
  const auto cleared = Update("standard", "display_name: 'x'", {"rules"});
  ASSERT_TRUE(cleared.ok());
  EXPECT_EQ(cleared->after.rules_size(), 0);
  EXPECT_EQ(cleared->after.hold_score(), 6);
  EXPECT_NE(cleared->after.display_name(), "x");
  EXPECT_TRUE(absl::IsInvalidArgument(Update("standard", "", {"no_such"}).status()));
}

TEST_F(PoliciesTest, DeletingPutsBackWhatWasRecommendedAndKeepsTheNumbers) {
  ASSERT_TRUE(Update("standard", "hold_score: 9").ok());
  ASSERT_TRUE(policies().Delete(Edit("standard")).ok());
  EXPECT_EQ(policies().Get("acme", "standard")->hold_score(), 5);
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_EQ(book_.PolicyOf("acme", "standard").rules->source().hold_score(), 5);
  EXPECT_EQ(Update("standard", "hold_score: 8")->after.version(), 2);
  EXPECT_TRUE(absl::IsNotFound(policies().Delete(Edit("none")).status()));
}

TEST_F(PoliciesTest, AWrongPolicyChangesNothing) {
  EXPECT_TRUE(absl::IsInvalidArgument(Update("standard", "rules { id: 'A' }").status()));
  EXPECT_TRUE(
      absl::IsAlreadyExists(policies().Create(Edit("standard"), Proto<v1::Policy>("")).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(policies().Create(Edit("A b"), Proto<v1::Policy>("")).status()));
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(PoliciesTest, SettingsExistFromTheStart) {
  auto settings = policies().GetSettings("acme");
  ASSERT_TRUE(settings.ok());
  EXPECT_TRUE(settings->refuse_outlook_express());
  EXPECT_FALSE(settings->allow_discard());
  google::protobuf::FieldMask mask;
  mask.add_paths("refuse_outlook_express");
  ASSERT_TRUE(policies().UpdateSettings("acme", *settings, mask).ok());
  ASSERT_TRUE(policies().UpdateSettings("acme", v1::PolicySettings(), mask).ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_FALSE(book_.SettingsOf("acme")->refuse_outlook_express());
  EXPECT_EQ(book_.SettingsOf("acme")->remember_days(), 30);
  EXPECT_TRUE(absl::IsAborted(policies().UpdateSettings("acme", *settings, mask).status()))
      << "the etag read first is old";
}

TEST_F(PoliciesTest, T_D5_HostileTextIsData) {
  const std::string hostile = "'; DROP TABLE policies; -- \"x\" :tenant %s";
  v1::Policy policy = Proto<v1::Policy>("rules { id: 'a' actions { hold {} } }");
  policy.set_display_name(hostile);
  policy.mutable_rules(0)->set_comment(hostile);
  policy.mutable_rules(0)->add_conditions()->set_sender(hostile + "*");
  PolicyEdit edit = Edit("own");
  edit.tenant = "a' OR '1'='1";
  edit.author = hostile;
  edit.comment = hostile;
  ASSERT_TRUE(policies().Create(edit, policy).ok());
  EXPECT_EQ(policies().Get(edit.tenant, "own")->display_name(), hostile);
  EXPECT_TRUE(absl::IsNotFound(policies().Get("acme", "own").status()));
  v1::ListEntry entry = Proto<v1::ListEntry>("kind: KIND_BLOCK");
  entry.set_sender("o'hara@example.org");
  entry.set_comment(hostile);
  const auto made = lists().Create("acme", entry, hostile);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string id = made->name().substr(made->name().rfind('/') + 1);
  EXPECT_EQ(lists().Get("acme", id)->comment(), hostile);
  EXPECT_TRUE(absl::IsNotFound(lists().Get("acme", "' OR '1'='1").status()));
  ListHits hits;
  hits.Add("tenants/acme/listEntries/' OR '1'='1", 1);
  EXPECT_TRUE(lists().KeepHits(hits).ok());
  EXPECT_EQ(lists().Get("acme", id)->hits(), 0) << "the background job takes it as data, too";
}

TEST_F(PoliciesTest, C14_HitsAreKeptAndWhatWasNeverHitIsFound) {
  ASSERT_EQ(Import("ann@example.org\nbob@example.org\n").created(), 2);
  const auto all = lists().List({.tenant = "acme", .after = {}});
  ASSERT_EQ(all->size(), 2U);
  ListHits hits;
  hits.Add(all->at(0).name(), 1'700'000'000'000'000);
  hits.Add(all->at(0).name(), 1'700'000'001'000'000);
  ASSERT_TRUE(lists().KeepHits(hits).ok());
  EXPECT_EQ(lists().List({.tenant = "acme", .after = {}})->at(0).hits(), 2);
  EXPECT_EQ(lists().List({.tenant = "acme", .after = {}})->at(0).last_hit_time().seconds(),
            1'700'000'001);
  const auto never = lists().List({.tenant = "acme", .after = {}, .limit = 10, .never_hit = true});
  ASSERT_EQ(never->size(), 1U);
  EXPECT_EQ(never->at(0).name(), all->at(1).name());
}

TEST_F(PoliciesTest, C14_AnImportSaysWhatBecameOfEachLineAndWarns) {
  const std::string text =
      "\xef\xbb\xbfSender;Comment;Kind;Networks;Expire_Time\r\n"
      "ann@example.org;\"a; \"\"b\"\"\";allow;192.0.2.0/24 2001:db8::/32;2030-01-01T00:00:00Z\r\n"
      "\r\n# a remark\r\n"
      "*.example.net;;block;;\r\n"
      "not an address;;;;\r\n"
      "x@example.com;;maybe;;\r\n"
      "x@example.com;;;;soon\r\n";
  const v1::ImportListEntriesResponse tried = Import(text, true);
  EXPECT_EQ(tried.created(), 2);
  EXPECT_TRUE(lists().List({.tenant = "acme", .after = {}})->empty()) << "only asked";
  const v1::ImportListEntriesResponse said = Import(text);
  EXPECT_EQ(said.created(), 2);
  EXPECT_EQ(said.refused(), 3);
  ASSERT_EQ(said.lines_size(), 5);
  EXPECT_EQ(said.lines(2).number(), 6);
  EXPECT_TRUE(said.lines(2).error().starts_with("list_entry.sender: "));
  EXPECT_NE(said.warning(), "");
  const auto entries = lists().List({.tenant = "acme", .after = {}});
  EXPECT_EQ(entries->at(0).comment(), "a; \"b\"");
  EXPECT_EQ(entries->at(0).networks_size(), 2);
  EXPECT_EQ(entries->at(1).kind(), v1::ListEntry::KIND_BLOCK);
  EXPECT_EQ(Import(text).unchanged(), 2) << "a second time changes nothing";
  EXPECT_EQ(lists().List({.tenant = "acme", .after = {}})->size(), 2U);
}

TEST_F(PoliciesTest, C14_AnExportCanBeImportedAndNoCellIsAFormula) {
  v1::ListEntry entry = Proto<v1::ListEntry>("kind: KIND_ALLOW sender: 'a@example.org'");
  entry.set_comment("=HYPERLINK(\"http://x\")");
  ASSERT_TRUE(lists().Create("acme", entry, "me").ok());
  const std::string csv = ToCsv(*lists().List({.tenant = "acme", .after = {}}));
  EXPECT_NE(csv.find("\"'=HYPERLINK"), std::string::npos) << csv;
  const auto lines = ReadImport(csv);
  ASSERT_TRUE(lines.ok());
  ASSERT_EQ(lines->size(), 1U);
  EXPECT_EQ(lines->at(0).entry->comment(), entry.comment());
  EXPECT_EQ(Import(csv).unchanged(), 1);
}

TEST_F(PoliciesTest, EntriesThatEndedAreSweptAndEveryInstanceForgetsThem) {
  v1::ListEntry entry = Proto<v1::ListEntry>("kind: KIND_ALLOW sender: 'a@example.org'");
  entry.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 60);
  ASSERT_TRUE(lists().Create("acme", entry, "me").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(lists().Create("acme", entry, "me").status()));
  clock_.Advance(absl::Hours(25));
  ASSERT_TRUE(lists().Sweep().ok());
  EXPECT_TRUE(lists().List({.tenant = "acme", .after = {}})->empty());
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_TRUE(bus_.records("policy.rules.v1").back().tombstone);
}

TEST_F(PoliciesTest, ImportsAreBounded) {
  EXPECT_FALSE(ReadImport(std::string((1 << 20) + 1, 'a')).ok());
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "a\n";
  EXPECT_FALSE(ReadImport(many).ok());
  EXPECT_TRUE(ReadImport("").ok());
  EXPECT_EQ(ReadImport("\"unclosed, quote\nb@c.de")->size(), 2U);
}

}  // namespace
}  // namespace cleanmail::policy
