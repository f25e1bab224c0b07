// What events become, and what people find of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/base/fake_random.h"
#include "libs/crypto/hash.h"
#include "libs/store/sql/test_database.h"
#include "services/reporting/consumer.h"
#include "services/reporting/retention/store.h"
#include "services/reporting/search/store.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kNow = int64_t{1'795'305'600} * 1'000'000;  // 2026-11-22
constexpr int64_t kHour = int64_t{3600} * 1'000'000;

mail::v1::Message Mail(int number, std::string_view tenant = "acme") {
  mail::v1::Message message;
  message.set_id(base::Cat("0192f3a0-0000-7000-8000-00000000", 1000 + number));
  message.set_tenant(std::string(tenant));
  message.set_direction(mail::v1::DIRECTION_INBOUND);
  message.set_subject(base::Cat("Invoice ", number));
  message.set_size(1000 + number);
  message.set_accepted_at_us(kNow + number);
  message.mutable_session()->set_client_address("192.0.2.1");
  message.mutable_envelope()->set_sender("Eve@Example.net");
  message.mutable_envelope()->add_recipients("Ann@example.org");
  message.mutable_envelope()->add_recipients("bob@example.com");
  return message;
}

template <class Event>
Event Of(const mail::v1::Message& message) {
  Event event;
  event.set_message_id(message.id());
  *event.mutable_message() = message;
  return event;
}

policy::v1::MailDisposed Disposed(const mail::v1::Message& message) {
  auto event = Of<policy::v1::MailDisposed>(message);
  event.set_generation(1);
  event.set_disposed_at_us(message.accepted_at_us() + 10);
  mail::v1::RecipientGroup& held = *event.add_groups();
  held.add_recipients("Ann@example.org");
  held.set_disposition(mail::v1::DISPOSITION_KIND_HOLD);
  held.set_rule("standard/x");
  held.set_policy("standard");
  held.set_policy_version(7);
  held.set_policy_scope("domain");
  mail::v1::RecipientGroup& passed = *event.add_groups();
  passed.add_recipients("bob@example.com");
  passed.set_disposition(mail::v1::DISPOSITION_KIND_DELIVER);
  passed.mutable_would_be()->set_rule("standard/y");
  return event;
}

egress::v1::DeliveryChanged Delivery(const mail::v1::Message& message, int attempt,
                                     egress::v1::DeliveryState state, std::string_view words) {
  egress::v1::DeliveryChanged event;
  event.set_message_id(message.id());
  event.set_tenant(message.tenant());
  event.set_attempt(attempt);
  event.set_at_us(message.accepted_at_us() + 100 * attempt);
  egress::v1::RecipientDelivery& bob = *event.add_recipients();
  bob.set_address("bob@example.com");
  bob.set_state(state);
  bob.set_reply(std::string(words));
  return event;
}

class StoryTest : public ::testing::Test {
 protected:
  StoryTest() { EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok()); }
  static std::unique_ptr<sql::Database> Open() { return sql::TestDatabasePlace().Open(); }
  template <class Event>
  void Tell(const Event& event) {
    const AccountOf account_of = [](std::string_view address) {
      return address == "ann@example.org" ? std::string("a.nobel@example.org")
                                          : std::string(address);
    };
    const Changes changes = ChangesOf(event, account_of);
    const absl::Status recorded = store_.Record(std::span<const Changes>(&changes, 1));
    EXPECT_TRUE(recorded.ok()) << recorded;
  }
  void TellAll(const mail::v1::Message& message) {
    Tell(Of<ingress::v1::MailReceived>(message));
    auto scanned = Of<scanner::v1::MailScanned>(message);
    scanned.set_generation(1);
    scanned.set_score(6.5);
    scanned.set_scanned_at_us(message.accepted_at_us() + 5);
    scanned.add_findings()->set_name("GTUBE");
    Tell(scanned);
    Tell(Disposed(message));
  }
  static authz::Visible All() { return {.all_tenants = true, .all_domains = true}; }
  static authz::Visible Tenant(std::string_view tenant) {
    return {.tenants = {std::string(tenant)}, .all_domains = true};
  }
  static authz::Visible Domain(std::string_view domain) {
    return {.tenants = {"acme"}, .domains = {std::string(domain)}};
  }
  static authz::Visible User(std::string_view user) {
    return {.tenants = {"acme"}, .all_domains = true, .user = std::string(user)};
  }
  Page<v1::Message> Found(std::string_view filter, authz::Visible visible = All(),
                          PageOf page = {}) {
    const auto parsed = rpc::resource::ParseFilter(filter, MessageSchema());
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    auto found = search_.Messages({.tenant = {}, .visible = std::move(visible)}, *parsed, page);
    EXPECT_TRUE(found.ok()) << found.status();
    return *std::move(found);
  }
  v1::Message Get(const mail::v1::Message& message, authz::Visible visible = All()) {
    auto found = search_.Message({.tenant = {}, .visible = std::move(visible)}, message.id());
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : v1::Message();
  }
  std::vector<std::string> Counts() {
    const auto counts =
        search_.Counts({.tenant = "acme", .visible = All()}, kNow, kNow + kHour, kHour, 100);
    std::vector<std::string> lines;
    for (const v1::Count& count : *counts)
      lines.push_back(base::Cat(count.domain(), " ", v1::Verdict_Name(count.verdict()), " ",
                                count.recipients()));
    return lines;
  }

  base::FakeClock clock_;
  base::FakeRandom random_;
  std::unique_ptr<sql::Database> database_ = Open();
  Store store_{*database_};
  Search search_{*database_, {.window = 3}};
};

TEST_F(StoryTest, C1_TheStoryNamesPolicyVersionScopeAndRule) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  const v1::Message message = Get(mail);
  EXPECT_EQ(message.sender(), "eve@example.net");
  EXPECT_EQ(message.score(), 6.5);
  ASSERT_THAT(message.findings(), SizeIs(1));
  ASSERT_THAT(message.recipients(), SizeIs(2));
  const v1::Recipient& ann = message.recipients(0);
  EXPECT_EQ(ann.verdict(), v1::VERDICT_HELD);
  EXPECT_EQ(ann.rule(), "standard/x");
  EXPECT_EQ(ann.policy(), "standard");
  EXPECT_EQ(ann.policy_version(), 7);
  EXPECT_EQ(ann.policy_scope(), "domain");
  EXPECT_EQ(message.recipients(1).would_be().rule(), "standard/y");
  std::vector<std::string> whats;
  for (const v1::Entry& entry : message.entries()) whats.push_back(entry.what());
  EXPECT_THAT(whats, ElementsAre("received", "scanned", "disposed", "held"));
  EXPECT_THAT(message.entries(3).detail(), HasSubstr("policy standard version 7"));
}

TEST_F(StoryTest, E8_DeferredShowsWithTheRemotesWordsAndThenDelivered) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  Tell(Delivery(mail, 1, egress::v1::DELIVERY_STATE_DEFERRED, "451 4.7.1 later"));
  EXPECT_EQ(Get(mail).recipients(1).verdict(), v1::VERDICT_DEFERRED);
  EXPECT_EQ(Get(mail).recipients(1).remote_reply(), "451 4.7.1 later");
  Tell(Delivery(mail, 2, egress::v1::DELIVERY_STATE_DELIVERED, "250 ok"));
  EXPECT_EQ(Get(mail).recipients(1).verdict(), v1::VERDICT_DELIVERED);
  EXPECT_EQ(Get(mail).recipients(1).attempts(), 2);
}

TEST_F(StoryTest, AHoldThatEndedIsNoLongerHeld) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  quarantine::v1::HoldEnded ended;
  ended.set_message_id(mail.id());
  ended.set_tenant(mail.tenant());
  ended.add_recipients("Ann@example.org");
  ended.set_end(quarantine::v1::HOLD_END_DELETED);
  ended.set_ended_by("operator/local");
  ended.set_ended_at_us(mail.accepted_at_us() + 50);
  Tell(ended);
  const v1::Message message = Get(mail);
  EXPECT_EQ(message.recipients(0).verdict(), v1::VERDICT_DELETED);
  EXPECT_EQ(message.recipients(1).verdict(), v1::VERDICT_ACCEPTED);
  EXPECT_EQ(message.entries(4).detail(), "Out of quarantine, by operator/local.");
  EXPECT_THAT(Found("verdict = deleted").items, SizeIs(1));
  EXPECT_THAT(Counts(),
              ElementsAre("example.com VERDICT_ACCEPTED 1", "example.org VERDICT_DELETED 1"));
}

TEST_F(StoryTest, T_E2_EventsTwiceAndInAnyOrderMakeTheSameStoryAndCounts) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  Tell(Delivery(mail, 1, egress::v1::DELIVERY_STATE_DEFERRED, "451"));
  Tell(Delivery(mail, 2, egress::v1::DELIVERY_STATE_DELIVERED, "250"));
  const std::string story = Get(mail).DebugString();
  const auto counts = Counts();
  EXPECT_THAT(counts, ElementsAre("example.com VERDICT_DELIVERED 1", "example.org VERDICT_HELD 1"));
  TellAll(mail);
  Tell(Delivery(mail, 1, egress::v1::DELIVERY_STATE_DEFERRED, "451"));
  EXPECT_EQ(Get(mail).DebugString(), story);
  EXPECT_EQ(Counts(), counts);
}

TEST_F(StoryTest, A11_ADeliveryBeforeItsMessageIsKnownIsKept) {
  const mail::v1::Message mail = Mail(1);
  Tell(Delivery(mail, 2, egress::v1::DELIVERY_STATE_DELIVERED, "250"));
  Tell(Disposed(mail));
  EXPECT_THAT(Found("").items, IsEmpty()) << "nothing is known of the message itself";
  TellAll(mail);
  const v1::Message message = Get(mail);
  EXPECT_EQ(message.recipients(1).verdict(), v1::VERDICT_DELIVERED);
  EXPECT_EQ(message.accept_time().seconds(), kNow / 1'000'000) << "when it happened";
  EXPECT_THAT(Counts(),
              ElementsAre("example.com VERDICT_DELIVERED 1", "example.org VERDICT_HELD 1"));
}

TEST_F(StoryTest, A5_FindsBySenderRecipientTextAddressTimeAndVerdict) {
  for (int i = 0; i < 5; ++i) TellAll(Mail(i));
  EXPECT_THAT(Found("sender = EVE@example.net").items, SizeIs(5));
  EXPECT_THAT(Found("recipient = ann@example.org verdict = held").items, SizeIs(5));
  EXPECT_THAT(Found("recipient = bob@example.com verdict = held").items, IsEmpty());
  EXPECT_THAT(Found("\"INVOICE 3\"").items, SizeIs(1));
  EXPECT_THAT(Found(base::Cat("id = ", Mail(2).id())).items, SizeIs(1));
  EXPECT_THAT(Found("client_address = 192.0.2.2").items, IsEmpty());
  EXPECT_THAT(Found("time >= 2026-11-22 AND time < 2026-11-23").items, SizeIs(5));
  EXPECT_THAT(Found("size > 1003 OR subject:\"0\"").items, SizeIs(2));
  EXPECT_THAT(Found("rule = standard/x AND policy_version >= 7").items, SizeIs(5));
  EXPECT_THAT(Found("score > 7").items, IsEmpty());
}

TEST_F(StoryTest, PagesAreNewestFirstAndStableWhileMailComes) {
  for (int i = 0; i < 10; ++i) TellAll(Mail(i));
  Page<v1::Message> page = Found("", All(), {.size = 4});
  ASSERT_THAT(page.items, SizeIs(4));
  EXPECT_THAT(page.items[0].subject(), "Invoice 9");
  TellAll(Mail(11));
  page = Found("", All(), {.after = page.next, .size = 4});
  ASSERT_THAT(page.items, SizeIs(4));
  EXPECT_THAT(page.items[0].subject(), "Invoice 5");
  page = Found("", All(), {.after = page.next, .size = 4});
  EXPECT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.next, "");
}

TEST_F(StoryTest, ASearchWhoseTimeIsOverSaysWhereToGoOn) {
  for (int i = 0; i < 10; ++i) TellAll(Mail(i));
  Search hasty(*database_, {.window = 3, .time = absl::ZeroDuration()});
  const auto filter = rpc::resource::ParseFilter("\"Invoice 0\"", MessageSchema());
  std::string after;
  std::vector<v1::Message> all;
  int asked = 0;
  do {
    const auto page =
        hasty.Messages({.tenant = "acme", .visible = All()}, *filter, {.after = after, .size = 4});
    ASSERT_TRUE(page.ok()) << page.status();
    all.insert(all.end(), page->items.begin(), page->items.end());
    after = page->next;
    ASSERT_LT(++asked, 20);
  } while (!after.empty());
  EXPECT_THAT(all, SizeIs(1));
  EXPECT_GT(asked, 2);
  EXPECT_TRUE(absl::IsInvalidArgument(
      hasty.Messages({.tenant = "acme", .visible = All()}, *filter, {.after = "x"}).status()));
}

TEST_F(StoryTest, T_D8_NobodyFindsWhatIsNotHis) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  TellAll(Mail(2, "other"));
  EXPECT_THAT(Found("", Tenant("acme")).items, SizeIs(1));
  EXPECT_THAT(Found("", Tenant("none")).items, IsEmpty());
  EXPECT_FALSE(search_.Message({.tenant = {}, .visible = Tenant("other")}, mail.id()).ok());

  const Page<v1::Message> domains = Found("", Domain("example.com"));
  ASSERT_THAT(domains.items, SizeIs(1));
  ASSERT_THAT(domains.items[0].recipients(), SizeIs(1));
  EXPECT_EQ(domains.items[0].recipients(0).address(), "bob@example.com");
  EXPECT_THAT(Found("recipient = ann@example.org", Domain("example.com")).items, IsEmpty())
      << "a filter tells nothing of recipients that are hidden";
  EXPECT_THAT(Found("NOT recipient = bob@example.com", Domain("example.com")).items, IsEmpty());

  EXPECT_THAT(Found("", User("a.nobel@example.org")).items, SizeIs(1)) << "by his alias";
  EXPECT_THAT(Found("", User("carl@example.org")).items, IsEmpty());
  const v1::Message message = Get(mail, User("a.nobel@example.org"));
  ASSERT_THAT(message.recipients(), SizeIs(1));
  for (const v1::Entry& entry : message.entries())
    EXPECT_THAT(entry.DebugString(), Not(HasSubstr("bob")));
}

TEST_F(StoryTest, AnOutboundMessageIsItsSenders) {
  mail::v1::Message mail = Mail(1);
  mail.set_direction(mail::v1::DIRECTION_OUTBOUND);
  mail.mutable_envelope()->set_sender("ann@example.org");
  Tell(Of<ingress::v1::MailReceived>(mail));
  EXPECT_THAT(Found("direction = outbound", User("a.nobel@example.org")).items, SizeIs(1));
  EXPECT_THAT(Found("", User("bob@example.com")).items, IsEmpty());
  EXPECT_THAT(Counts(), ElementsAre("example.org VERDICT_ACCEPTED 2"));
}

TEST_F(StoryTest, RefusalsAreFoundCountedAndOfTheirTenantOnly) {
  ingress::v1::MailRefused refused;
  refused.set_session_id("s1");
  refused.set_sender("Eve@example.net");
  refused.set_recipient("nobody@example.org");
  refused.set_tenant("acme");
  refused.set_verb("RCPT");
  refused.set_reply("550 5.1.1 No such user here");
  refused.set_refused_at_us(kNow + 5);
  Tell(refused);
  Tell(refused);
  const auto find = [&](std::string_view filter, authz::Visible visible) {
    return search_
        .Refusals({.tenant = {}, .visible = std::move(visible)},
                  *rpc::resource::ParseFilter(filter, RefusalSchema()), {})
        ->items;
  };
  ASSERT_THAT(find("code = \"550 5.1.1\" sender = eve@example.net", Tenant("acme")), SizeIs(1));
  EXPECT_THAT(find("", Tenant("other")), IsEmpty());
  EXPECT_THAT(find("", User("carl@example.org")), IsEmpty());
  EXPECT_THAT(Counts(), ElementsAre("example.org VERDICT_REFUSED 1"));
}

TEST_F(StoryTest, TheAuditTrailShowsATenantItsChangesAndOperatorsEverything) {
  audit::v1::AuditRecorded event;
  event.set_tenant("acme");
  event.set_actor("token/1");
  event.set_permission("users.write");
  event.set_resource("tenants/acme/users/ann@example.org");
  event.set_allowed(true);
  event.set_at_us(kNow);
  event.set_before("{}");
  Tell(event);
  Tell(event);
  event.set_allowed(false);
  event.set_actor("token/of-another-tenant");
  Tell(event);
  const auto find = [&](authz::Visible visible) {
    return search_.Audit({.tenant = "acme", .visible = std::move(visible)}, {}, {})->items;
  };
  ASSERT_THAT(find(Tenant("acme")), SizeIs(1));
  EXPECT_EQ(find(Tenant("acme"))[0].before(), "{}");
  EXPECT_THAT(find(All()), SizeIs(2));
  EXPECT_THAT(find(Tenant("other")), IsEmpty());
}

TEST_F(StoryTest, A9_RetentionForgetsPerTenantAndCountsStay) {
  TellAll(Mail(1));
  TellAll(Mail(2, "other"));
  clock_.Advance(absl::FromUnixMicros(kNow) + absl::Hours(24 * 10) - clock_.Now());
  Retention retention(*database_, clock_, random_, {});
  v1::RetentionSettings settings;
  settings.set_message_days(5);
  ASSERT_TRUE(retention.Set("acme", settings).ok());
  ASSERT_TRUE(retention.Sweep(100).ok());
  EXPECT_THAT(Found("", Tenant("acme")).items, IsEmpty());
  EXPECT_THAT(Found("", Tenant("other")).items, SizeIs(1)) << "30 days unless it says otherwise";
  EXPECT_THAT(Counts(), SizeIs(2));
  settings.set_etag("7");
  EXPECT_TRUE(absl::IsAborted(retention.Set("acme", settings).status()));
  settings.set_audit_days(100'000);
  EXPECT_TRUE(absl::IsInvalidArgument(retention.Set("acme", settings).status()));
}

TEST_F(StoryTest, A9_ErasingAPersonLeavesVerdictsAndAProofWithoutTheAddress) {
  const mail::v1::Message mail = Mail(1);
  TellAll(mail);
  TellAll(Mail(2, "other"));
  Retention retention(*database_, clock_, random_, {});
  const auto begun = retention.StartErasure("acme", "Ann@Example.org");
  ASSERT_TRUE(begun.ok()) << begun.status();
  ASSERT_TRUE(retention.ContinueErasures(100).ok());
  const std::string id = begun->name().substr(begun->name().rfind('/') + 1);
  const auto done = retention.GetErasure("acme", id);
  EXPECT_EQ(done->progress().state(), api::v1::Progress::STATE_SUCCEEDED);
  EXPECT_EQ(done->messages(), 1);
  EXPECT_EQ(done->address_hash(), crypto::Sha256Hex(base::Cat(id, "\n", "ann@example.org")));
  EXPECT_FALSE(retention.GetErasure("other", id).ok());

  const v1::Message message = Get(mail);
  EXPECT_THAT(message.DebugString(), Not(HasSubstr("nn@example.org")));
  EXPECT_THAT(message.DebugString(), Not(HasSubstr("nobel")));
  EXPECT_THAT(message.DebugString(), Not(HasSubstr("Invoice")));
  ASSERT_THAT(message.recipients(), SizeIs(2));
  EXPECT_THAT(Found("recipient = ann@example.org", Tenant("acme")).items, IsEmpty());
  EXPECT_THAT(Found("recipient = ann@example.org", Tenant("other")).items, SizeIs(1));
  EXPECT_THAT(Counts(), SizeIs(2));
}

}  // namespace
}  // namespace cleanmail::reporting
