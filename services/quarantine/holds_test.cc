#include "services/quarantine/holds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/rpc/answer.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/store/sql/test_database.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/quarantine/bulk/batches.h"
#include "services/quarantine/consumer.h"

namespace cleanmail::quarantine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kMessage[] = "0192f3a0-0000-7000-8000-000000000001";

policy::v1::MailDisposed Disposed(std::string_view id, mail::v1::HoldKind kind,
                                  int32_t generation = 1) {
  policy::v1::MailDisposed disposed;
  disposed.set_message_id(std::string(id));
  disposed.set_generation(generation);
  disposed.set_score(7.5);
  mail::v1::Message& message = *disposed.mutable_message();
  message.set_id(std::string(id));
  message.set_tenant("acme");
  message.mutable_envelope()->set_sender("eve@example.net");
  mail::v1::RecipientGroup& group = *disposed.add_groups();
  for (const char* address : {"ann@example.org", "bob@example.org"}) {
    message.mutable_envelope()->add_recipients(address);
    group.add_recipients(address);
  }
  group.set_disposition(kind == mail::v1::HOLD_KIND_UNSPECIFIED ? mail::v1::DISPOSITION_KIND_DELIVER
                                                                : mail::v1::DISPOSITION_KIND_HOLD);
  group.set_hold_kind(kind);
  group.set_rule("standard/score-at-least-5.0");
  return disposed;
}

// Over a real SQLite file, a real outbox, and a bus in memory.
class HoldsTest : public ::testing::Test {
 protected:
  HoldsTest() {
    EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok());
    outbox_ = outbox::Outbox::Create(*database_, bus_);
    holds_ = std::make_unique<Holds>(store_, *outbox_, blobs_, clock_, random_, settings_,
                                     absl::Hours(1), metrics_);
  }
  static std::unique_ptr<sql::Database> Open() { return sql::TestDatabasePlace().Open(); }
  void Take(const policy::v1::MailDisposed& disposed) {
    for (const absl::Status& status : OnDisposed(*holds_, nullptr, {&disposed, 1}))
      EXPECT_TRUE(status.ok()) << status;
  }
  HoldRow Get(std::string_view id = kMessage) {
    auto hold = holds_->Get({.tenant = "", .message = std::string(id)});
    EXPECT_TRUE(hold.ok()) << hold.status();
    return *std::move(hold);
  }
  std::vector<v1::MailReleased> Released() {
    EXPECT_TRUE(outbox_->Flush().ok());
    return bus_.Events<v1::MailReleased>();
  }
  std::vector<v1::HoldEnded> Ended() {
    EXPECT_TRUE(outbox_->Flush().ok());
    return bus_.Events<v1::HoldEnded>();
  }
  static auto Is(const std::string& address, v1::HoldState state) {
    return AllOf(Field(&HeldRecipient::address, address), Field(&HeldRecipient::state, state));
  }

  base::FakeClock clock_;
  base::FakeRandom random_;
  bus::FakeBus bus_;
  blob::FakeBlobStore blobs_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<sql::Database> database_ = Open();
  std::unique_ptr<outbox::Outbox> outbox_;
  Store store_{*database_};
  Settings settings_{*database_, absl::Hours(720), {}};
  std::unique_ptr<Holds> holds_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  authz::Authorizer authz_{bus_, clock_, *log_};
  BatchStore batch_store_{*database_};
};

TEST_F(HoldsTest, HoldsWhatIsToBeHeldAndKeepsItsBody) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const HoldRow hold = Get();
  EXPECT_EQ(hold.kind, mail::v1::HOLD_KIND_SPAM);
  EXPECT_EQ(hold.rule, "standard/score-at-least-5.0");
  EXPECT_EQ(hold.score, 7.5);
  EXPECT_THAT(hold.recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_HELD),
                                           Is("bob@example.org", v1::HOLD_STATE_HELD)));
  EXPECT_EQ(blobs_.kept_until({.tenant = "acme", .message = kMessage}),
            clock_.Now() + absl::Hours(720));
}

TEST_F(HoldsTest, LeavesAloneWhatIsDelivered) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_UNSPECIFIED));
  EXPECT_TRUE(absl::IsNotFound(holds_->Get({.tenant = "", .message = kMessage}).status()));
}

TEST_F(HoldsTest, T_E2_TheSameDecisionTwiceIsOneHold) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  ASSERT_TRUE(holds_
                  ->Release({.tenant = "acme", .message = kMessage},
                            {.recipients = {"ann@example.org"}, .by = "operator"})
                  .ok());
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  EXPECT_THAT(Get().recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_RELEASED),
                                            Is("bob@example.org", v1::HOLD_STATE_HELD)));
  EXPECT_THAT(Released(), SizeIs(1));
}

TEST_F(HoldsTest, ReleasesOneOrAllAndAgainChangesNothing) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const HoldName name = {.tenant = "acme", .message = kMessage};
  ASSERT_TRUE(holds_->Release(name, {.recipients = {"bob@example.org"}, .by = "operator"}).ok());
  ASSERT_TRUE(holds_->Release(name, {.recipients = {"bob@example.org"}, .by = "operator"}).ok());
  ASSERT_TRUE(holds_->Release(name, {.recipients = {}, .by = "operator"}).ok());
  ASSERT_TRUE(holds_->Release(name, {.recipients = {}, .by = "operator"}).ok());
  const std::vector<v1::MailReleased> released = Released();
  ASSERT_THAT(released, SizeIs(2));
  EXPECT_THAT(released[0].recipients(), ElementsAre("bob@example.org"));
  EXPECT_THAT(released[1].recipients(), ElementsAre("ann@example.org"));
  EXPECT_EQ(released[0].released_by(), "operator");
  EXPECT_EQ(released[0].held_as(), mail::v1::HOLD_KIND_SPAM);
  EXPECT_NE(released[0].release_id(), released[1].release_id());
}

TEST_F(HoldsTest, RefusesARecipientTheHoldDoesNotHaveAndATenantThatIsNotItsOwn) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  EXPECT_TRUE(absl::IsInvalidArgument(holds_
                                          ->Release({.tenant = "acme", .message = kMessage},
                                                    {.recipients = {"eve@example.org"}, .by = "x"})
                                          .status()));
  EXPECT_TRUE(absl::IsNotFound(
      holds_->Release({.tenant = "other", .message = kMessage}, {.recipients = {}, .by = "x"})
          .status()));
  EXPECT_TRUE(absl::IsNotFound(holds_->Get({.tenant = "other", .message = kMessage}).status()));
  EXPECT_THAT(Released(), IsEmpty());
}

TEST_F(HoldsTest, ADeletedHoldIsNotReleased) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const HoldName name = {.tenant = "acme", .message = kMessage};
  ASSERT_TRUE(holds_->Delete(name, {}, "operator").ok());
  ASSERT_TRUE(holds_->Delete(name, {}, "operator").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      holds_->Release(name, {.recipients = {}, .by = "operator"}).status()));
  EXPECT_THAT(Released(), IsEmpty());
  const auto ended = Ended();
  ASSERT_EQ(ended.size(), 1u) << "the second time ends nothing";
  EXPECT_EQ(ended[0].end(), v1::HOLD_END_DELETED);
  EXPECT_EQ(ended[0].ended_by(), "operator");
  EXPECT_EQ(ended[0].recipients().size(), 2);
}

TEST_F(HoldsTest, ExpiresWhenItsTimeIsOver) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  clock_.Advance(absl::Hours(719));
  ASSERT_TRUE(holds_->ExpireOverdue().ok());
  EXPECT_EQ(Get().recipients[0].state, v1::HOLD_STATE_HELD);
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(holds_->ExpireOverdue().ok());
  EXPECT_EQ(Get().recipients[0].state, v1::HOLD_STATE_EXPIRED);
  EXPECT_EQ(metrics_.expired.value(), 2);
  ASSERT_EQ(Ended().size(), 1u);
  EXPECT_EQ(Ended()[0].end(), v1::HOLD_END_EXPIRED);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      holds_->Release({.tenant = "acme", .message = kMessage}, {.recipients = {}, .by = "operator"})
          .status()));
}

TEST_F(HoldsTest, ListsNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(base::Cat("0192f3a0-0000-7000-8000-00000000000", i));
    Take(Disposed(ids.back(), mail::v1::HOLD_KIND_SPAM));
  }
  ASSERT_TRUE(holds_->Delete({.tenant = "", .message = ids[3]}, {}, "x").ok());
  const auto first = holds_->List({.scope = {.tenant = "acme"}, .only_held = true}, "", 2);
  ASSERT_THAT(*first, SizeIs(2));
  EXPECT_EQ((*first)[0].message.id(), ids[4]);
  EXPECT_EQ((*first)[1].message.id(), ids[2]);
  EXPECT_THAT(*holds_->List({.scope = {.tenant = "acme"}, .only_held = true}, ids[2], 10),
              SizeIs(2));
  EXPECT_THAT(*holds_->List({.scope = {.tenant = "acme"}, .only_held = false}, "", 10), SizeIs(5));
  EXPECT_THAT(*holds_->List({.scope = {.tenant = "other"}, .only_held = false}, "", 10), IsEmpty());
}

TEST_F(HoldsTest, LearnsHowAReleaseEnded) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  ASSERT_TRUE(
      holds_->Release({.tenant = "acme", .message = kMessage}, {.recipients = {}, .by = "operator"})
          .ok());
  egress::v1::DeliveryChanged changed;
  changed.set_message_id(kMessage);
  changed.set_stage("released/1");
  *changed.mutable_message() = Disposed(kMessage, mail::v1::HOLD_KIND_SPAM).message();
  changed.set_notice(egress::v1::FAILURE_NOTICE_HELD);
  auto* ann = changed.add_recipients();
  ann->set_address("ann@example.org");
  ann->set_state(egress::v1::DELIVERY_STATE_DELIVERED);
  ann->set_reply("250 2.0.0 Ok");
  auto* bob = changed.add_recipients();
  bob->set_address("bob@example.org");
  bob->set_state(egress::v1::DELIVERY_STATE_REFUSED);
  bob->set_reply("550 no\r\nsuch user");
  for (const absl::Status& status : OnDeliveryChanged(*holds_, nullptr, {&changed, 1}))
    EXPECT_TRUE(status.ok()) << status;
  const HoldRow hold = Get();
  EXPECT_THAT(hold.recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_DELIVERED),
                                           Is("bob@example.org", v1::HOLD_STATE_FAILED)));
  EXPECT_EQ(hold.recipients[1].detail, "550 no\\r\\nsuch user");
}

TEST_F(HoldsTest, T_A10_AnInboundFailureBecomesAHoldNotABounce) {
  egress::v1::DeliveryChanged changed;
  changed.set_message_id(kMessage);
  changed.set_stage("disposed/1");
  *changed.mutable_message() = Disposed(kMessage, mail::v1::HOLD_KIND_UNSPECIFIED).message();
  changed.set_notice(egress::v1::FAILURE_NOTICE_HELD);
  auto* bob = changed.add_recipients();
  bob->set_address("bob@example.org");
  bob->set_state(egress::v1::DELIVERY_STATE_EXPIRED);
  bob->set_reply("451 later");
  for (int i = 0; i < 2; ++i) {
    for (const absl::Status& status : OnDeliveryChanged(*holds_, nullptr, {&changed, 1}))
      EXPECT_TRUE(status.ok()) << status;
  }
  const HoldRow hold = Get();
  EXPECT_EQ(hold.kind, mail::v1::HOLD_KIND_UNDELIVERABLE);
  EXPECT_THAT(hold.recipients, ElementsAre(Is("bob@example.org", v1::HOLD_STATE_HELD)));
}

TEST_F(HoldsTest, WhatCouldNotBeScannedIsScannedAgainAndReleasedWhenClean) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_COULD_NOT_SCAN));
  ASSERT_TRUE(holds_->RequestRescans().ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  EXPECT_THAT(bus_.Events<v1::RescanRequested>(), IsEmpty()) << "not due yet";
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(holds_->RequestRescans().ok());
  ASSERT_TRUE(outbox_->Flush().ok());
  const auto requests = bus_.Events<v1::RescanRequested>();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].generation(), 2);

  Take(Disposed(kMessage, mail::v1::HOLD_KIND_UNSPECIFIED, 2));
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_UNSPECIFIED, 2));
  const auto released = Released();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_THAT(released[0].recipients(), UnorderedElementsAre("ann@example.org", "bob@example.org"));
}

TEST_F(HoldsTest, ARescanThatFindsMalwareRenewsTheReason) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_COULD_NOT_SCAN));
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_VIRUS, 2));
  const HoldRow hold = Get();
  EXPECT_EQ(hold.kind, mail::v1::HOLD_KIND_VIRUS);
  EXPECT_EQ(hold.rescan_at_us, 0);
  EXPECT_EQ(hold.recipients[0].state, v1::HOLD_STATE_HELD);
}

TEST_F(HoldsTest, T_E3_AMessageWhoseEventDiedIsHeld) {
  ingress::v1::MailReceived received;
  received.set_message_id(kMessage);
  *received.mutable_message() = Disposed(kMessage, mail::v1::HOLD_KIND_SPAM).message();
  bus::v1::DeadLetter letter;
  letter.set_payload(received.SerializeAsString());
  letter.set_group("scanner");
  letter.set_reason("poison");
  bus::v1::DeadLetter of_reporting = letter;
  of_reporting.set_group("reporting");
  for (const absl::Status& status : OnDeadLetter(*holds_, nullptr, metrics_, {&of_reporting, 1}))
    EXPECT_TRUE(status.ok());
  EXPECT_TRUE(absl::IsNotFound(holds_->Get({.tenant = "", .message = kMessage}).status()));
  for (const absl::Status& status : OnDeadLetter(*holds_, nullptr, metrics_, {&letter, 1}))
    EXPECT_TRUE(status.ok());
  EXPECT_EQ(Get().kind, mail::v1::HOLD_KIND_UNPROCESSED);
  EXPECT_EQ(metrics_.unprocessed.value(), 1);
}

TEST_F(HoldsTest, AFailingStoreLeavesTheEventForLater) {
  blobs_.FailNext(absl::UnavailableError("disk"));
  const policy::v1::MailDisposed disposed = Disposed(kMessage, mail::v1::HOLD_KIND_SPAM);
  EXPECT_TRUE(absl::IsUnavailable(OnDisposed(*holds_, nullptr, {&disposed, 1})[0]));
  EXPECT_TRUE(absl::IsNotFound(holds_->Get({.tenant = "", .message = kMessage}).status()));
}

mail::v1::RecipientGroup& GroupOf(policy::v1::MailDisposed& disposed) {
  return *disposed.mutable_groups(0);
}

rpc::Caller Operator() { return {.role = rpc::Role::kOperator, .id = "operator/local"}; }

TEST_F(HoldsTest, T_D8_MalwareIsNeverReleasedByAUserAndByNobodyUnawares) {
  for (const auto kind : {mail::v1::HOLD_KIND_VIRUS, mail::v1::HOLD_KIND_COULD_NOT_SCAN}) {
    const std::string id = base::Cat("0192f3a0-0000-7000-8000-0000000001", int{kind} + 10);
    Take(Disposed(id, kind));
    const HoldName name = {.tenant = "acme", .message = id};
    const absl::Status by_user =
        holds_->Release(name, {.by = "u", .is_user = true, .accept_risk = true}).status();
    EXPECT_TRUE(absl::IsPermissionDenied(by_user)) << by_user;
    EXPECT_EQ(rpc::ReasonOf(holds_->Release(name, {.by = "admin"}).status()), "RISK_NOT_ACCEPTED");
    EXPECT_THAT(Released(), IsEmpty());
  }
  const std::string virus =
      base::Cat("0192f3a0-0000-7000-8000-0000000001", int{mail::v1::HOLD_KIND_VIRUS} + 10);
  EXPECT_TRUE(
      holds_->Release({.tenant = "acme", .message = virus}, {.by = "admin", .accept_risk = true})
          .ok());
  EXPECT_THAT(Released(), SizeIs(1));
}

TEST_F(HoldsTest, T_D8_AUserSeesAndReleasesOnlyHisOwnRecipientAndNothingUnlisted) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  HoldName name = {.tenant = "acme", .message = kMessage};
  name.visible = {.tenants = {"acme"}, .all_domains = true, .user = "bob@example.org"};
  name.sees_unlisted = false;
  const auto hold = holds_->Release(name, {.by = "bob", .is_user = true});
  ASSERT_TRUE(hold.ok()) << hold.status();
  EXPECT_THAT(hold->recipients, ElementsAre(Is("bob@example.org", v1::HOLD_STATE_RELEASED)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      holds_->Release(name, {.recipients = {"ann@example.org"}, .is_user = true}).status()));
  EXPECT_THAT(Get().recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_HELD),
                                            Is("bob@example.org", v1::HOLD_STATE_RELEASED)));

  const std::string unlisted = "0192f3a0-0000-7000-8000-000000000002";
  Take(Disposed(unlisted, mail::v1::HOLD_KIND_UNLISTED));
  name.message = unlisted;
  EXPECT_TRUE(absl::IsNotFound(holds_->Get(name).status()));
  const auto listed = holds_->List(
      {.scope = {.tenant = "acme", .visible = name.visible, .sees_unlisted = false}}, "", 10);
  EXPECT_THAT(*listed, SizeIs(1));
}

TEST_F(HoldsTest, ActionsOfTheDecisionGoWithTheRelease) {
  policy::v1::MailDisposed disposed = Disposed(kMessage, mail::v1::HOLD_KIND_POLICY);
  GroupOf(disposed).add_actions()->set_tag_subject("[PUB]");
  GroupOf(disposed).set_policy("standard");
  GroupOf(disposed).set_policy_version(7);
  GroupOf(disposed).set_quarantine("contracts");
  Take(disposed);
  EXPECT_EQ(Get().recipients[0].policy_version, 7);
  EXPECT_EQ(Get().recipients[0].quarantine, "contracts");
  ASSERT_TRUE(holds_->Release({.tenant = "acme", .message = kMessage}, {.by = "x"}).ok());
  const auto released = Released();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].actions(0).tag_subject(), "[PUB]");
}

TEST_F(HoldsTest, ReleaseWithRescanGoesOnlyWhenNoMalwareIsFound) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const HoldName name = {.tenant = "acme", .message = kMessage};
  const auto asked =
      holds_->Release(name, {.recipients = {"ann@example.org"}, .by = "token/1", .rescan = true});
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->recipients[0].rescan_by, "token/1");
  EXPECT_EQ(asked->recipients[0].state, v1::HOLD_STATE_HELD);
  EXPECT_THAT(Released(), IsEmpty());
  const auto requests = bus_.Events<v1::RescanRequested>();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].generation(), 2);

  policy::v1::MailDisposed malware = Disposed(kMessage, mail::v1::HOLD_KIND_VIRUS, 2);
  malware.add_findings()->set_category(mail::v1::FINDING_CATEGORY_MALWARE);
  Take(malware);
  EXPECT_THAT(Released(), IsEmpty());
  EXPECT_EQ(Get().recipients[0].kind, mail::v1::HOLD_KIND_VIRUS);
  EXPECT_EQ(Get().recipients[0].rescan_by, "");

  ASSERT_TRUE(
      holds_->Release(name, {.recipients = {"ann@example.org"}, .by = "token/1", .rescan = true})
          .ok());
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM, 3));
  const auto released = Released();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_THAT(released[0].recipients(), ElementsAre("ann@example.org"));
  EXPECT_EQ(released[0].released_by(), "token/1");
}

TEST_F(HoldsTest, A14_WhatAWrongRuleHeldIsFoundAndReleasedInOneAction) {
  Batches batches(*holds_, store_, batch_store_, authz_, clock_, random_);
  for (int i = 0; i < 450; ++i) {
    policy::v1::MailDisposed disposed =
        Disposed(base::Cat("0192f3a0-0000-7000-8000-000000001", 100 + i),
                 i % 9 == 0 ? mail::v1::HOLD_KIND_VIRUS : mail::v1::HOLD_KIND_POLICY);
    GroupOf(disposed).set_rule(i % 2 == 0 ? "standard/x" : "standard/y");
    GroupOf(disposed).set_policy_version(7);
    Take(disposed);
  }
  const Batches::Wish wish = {.tenant = "acme",
                              .filter = "rule = \"standard/x\" AND policy_version >= 7"};
  const auto preview = batches.Look(Operator(), wish, 20);
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_EQ(preview->total, 450);
  EXPECT_THAT(preview->examples, SizeIs(20));
  EXPECT_THAT(Released(), IsEmpty()) << "a preview does nothing";

  const auto batch = batches.Start(Operator(), wish);
  ASSERT_TRUE(batch.ok()) << batch.status();
  clock_.Advance(absl::Seconds(1));
  policy::v1::MailDisposed later = Disposed(kMessage, mail::v1::HOLD_KIND_POLICY);
  GroupOf(later).set_rule("standard/x");
  GroupOf(later).set_policy_version(8);
  Take(later);
  ASSERT_TRUE(batches.Continue(absl::Seconds(60)).ok());
  const auto done = batch_store_.Find("acme", batch->id);
  EXPECT_EQ(done->state, api::v1::Progress::STATE_SUCCEEDED);
  EXPECT_EQ(done->done, 450);
  EXPECT_EQ(done->skipped, 50) << "malware stays";
  EXPECT_THAT(Released(), SizeIs(400));
  EXPECT_EQ(Get().recipients[0].state, v1::HOLD_STATE_HELD) << "came after";
  EXPECT_FALSE(batch_store_.Find("other", batch->id).ok());
}

TEST_F(HoldsTest, T_D5_AFilterKeptForLaterIsNeverSqlAndNeverWiderThanItsCaller) {
  Batches batches(*holds_, store_, batch_store_, authz_, clock_, random_);
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const rpc::Caller user = {
      .role = rpc::Role::kUser, .id = "u", .tenant = "acme", .user = "bob@example.org"};
  ASSERT_TRUE(batches
                  .Start(user, {.action = v1::HoldBatch::ACTION_DELETE,
                                .tenant = "acme",
                                .filter = "state = held OR subject = \"') OR 1=1; --\""})
                  .ok());
  ASSERT_TRUE(batches.Continue(absl::Seconds(60)).ok());
  EXPECT_THAT(Get().recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_HELD),
                                            Is("bob@example.org", v1::HOLD_STATE_DELETED)));
  EXPECT_TRUE(
      absl::IsInvalidArgument(batches.Start(user, {.tenant = "acme", .filter = ""}).status()))
      << "everything must be said";
}

TEST_F(HoldsTest, A9_ErasingAPersonLeavesOthersTheirHold) {
  Batches batches(*holds_, store_, batch_store_, authz_, clock_, random_);
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const auto batch = batches.Start(
      Operator(),
      {.action = v1::HoldBatch::ACTION_ERASE, .tenant = "acme", .filter = "bob@example.org"});
  ASSERT_TRUE(batches.Continue(absl::Seconds(60)).ok());
  EXPECT_THAT(Get().recipients, ElementsAre(Is("ann@example.org", v1::HOLD_STATE_HELD)));
  EXPECT_EQ(batch_store_.Find("acme", batch->id)->filter, "(erased)");
  ASSERT_TRUE(batches
                  .Start(Operator(), {.action = v1::HoldBatch::ACTION_ERASE,
                                      .tenant = "acme",
                                      .filter = "eve@example.net"})
                  .ok());
  ASSERT_TRUE(batches.Continue(absl::Seconds(60)).ok());
  EXPECT_TRUE(absl::IsNotFound(holds_->Get({.tenant = "", .message = kMessage}).status()));
}

TEST_F(HoldsTest, TheHistoryTellsWhoSawChangedAndReleased) {
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  const HoldName name = {.tenant = "acme", .message = kMessage};
  ASSERT_TRUE(holds_->See(name, "token/1", nullptr).ok());
  ASSERT_TRUE(holds_->See(name, "token/2", nullptr).ok());
  EXPECT_EQ(Get().seen_by, "token/1");
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(holds_->Annotate(name, "look at this", "ann", 1, "token/1").ok());
  EXPECT_TRUE(absl::IsAborted(holds_->Annotate(name, "late", {}, 1, "token/2").status()));
  EXPECT_EQ(Get().note, "look at this");
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(holds_->Release(name, {.recipients = {"ann@example.org"}, .by = "token/2"}).ok());
  std::vector<HistoryRow> history;
  ASSERT_TRUE(holds_->See(name, "", &history).ok());
  std::vector<std::string> lines;
  for (const HistoryRow& row : history)
    lines.push_back(base::Cat(row.actor, " ", row.what, " ", row.recipient));
  EXPECT_THAT(lines,
              ElementsAre("token/1 seen ", "token/1 changed ", "token/2 released ann@example.org"));
}

TEST_F(HoldsTest, EachKindIsHeldAsLongAsTheTenantSays) {
  v1::QuarantineSettings settings;
  v1::HoldLife& life = *settings.add_lives();
  life.set_kind(mail::v1::HOLD_KIND_SPAM);
  life.mutable_life()->set_seconds(7 * 24 * 3600);
  ASSERT_TRUE(settings_.Set("acme", settings).ok());
  Take(Disposed(kMessage, mail::v1::HOLD_KIND_SPAM));
  EXPECT_EQ(Get().expires_at_us, absl::ToUnixMicros(clock_.Now() + absl::Hours(24 * 7)));
  life.mutable_life()->set_seconds(1);
  EXPECT_TRUE(absl::IsInvalidArgument(settings_.Set("acme", settings).status()));
  settings.clear_lives();
  settings.set_etag("9");
  EXPECT_TRUE(absl::IsAborted(settings_.Set("acme", settings).status()));
}

}  // namespace
}  // namespace cleanmail::quarantine
