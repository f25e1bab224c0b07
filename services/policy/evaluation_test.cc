#include "services/policy/evaluation.h"

#include <random>

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"

namespace cleanmail::policy {
namespace {

using provisioning::v1::DirectoryChanged;

template <class T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// One tenant, acme, with acme.example, and whatever a test sets.
class EvaluationTest : public testing::Test {
 protected:
  EvaluationTest() {
    Tell("name: 'tenants/acme' tenant { name: 'tenants/acme' }");
    Tell(
        "name: 'tenants/acme/domains/acme.example' domain { name: "
        "'tenants/acme/domains/acme.example' recipient_mode: RECIPIENT_MODE_ANY }");
    directory_.Complete();
    book_.Complete();
  }

  void Tell(const std::string& change) { directory_.Apply(Proto<DirectoryChanged>(change)); }
  void SetPolicy(const std::string& id, const std::string& content) {
    v1::RulesChanged change;
    change.set_name("tenants/acme/policies/" + id);
    *change.mutable_policy() = Proto<v1::Policy>("version: 3 " + content);
    if (change.policy().hold_score() == 0) change.mutable_policy()->set_hold_score(5);
    change.mutable_policy()->set_name(change.name());
    ASSERT_TRUE(book_.Apply(change).ok());
  }
  void AddEntry(const std::string& id, const std::string& content) {
    v1::RulesChanged change;
    change.set_name("tenants/acme/listEntries/" + id);
    *change.mutable_list_entry() = Proto<v1::ListEntry>(content);
    change.mutable_list_entry()->set_name(change.name());
    ASSERT_TRUE(Normalize(*change.mutable_list_entry()).ok());
    ASSERT_TRUE(book_.Apply(change).ok());
  }
  void SetSettings(const std::string& content) {
    v1::RulesChanged change;
    change.set_name("tenants/acme/policySettings");
    *change.mutable_settings() = Proto<v1::PolicySettings>(content);
    ASSERT_TRUE(book_.Apply(change).ok());
  }

  // Message for these recipients of acme, with a score and facts.
  std::vector<mail::v1::RecipientGroup> Dispose(std::vector<std::string> recipients, double score,
                                                const std::string& facts = "") {
    mail::v1::Message message;
    message.set_id("m");
    message.set_tenant("acme");
    message.set_direction(mail::v1::DIRECTION_INBOUND);
    message.mutable_envelope()->set_sender("ann@sender.example");
    message.mutable_session()->set_client_address("192.0.2.7");
    for (std::string& recipient : recipients)
      message.mutable_envelope()->add_recipients(std::move(recipient));
    const auto content = Proto<mail::v1::MessageFacts>(facts);
    auto groups = evaluation_.Dispose(
        {.message = message, .findings = findings_, .facts = content, .score = score});
    EXPECT_TRUE(groups.ok()) << groups.status();
    return groups.ok() ? *groups : std::vector<mail::v1::RecipientGroup>();
  }
  v1::EnvelopeDecision Admit(const std::string& recipient) {
    v1::EvaluateEnvelopeRequest request;
    request.set_sender("ann@sender.example");
    request.set_direction(mail::v1::DIRECTION_INBOUND);
    request.mutable_session()->set_client_address("192.0.2.7");
    v1::AddressedRecipient& to = *request.add_recipients();
    to.set_address(recipient);
    to.set_tenant("acme");
    const auto decisions = evaluation_.Admit(request);
    EXPECT_TRUE(decisions.ok()) << decisions.status();
    return decisions.ok() ? decisions->at(0) : v1::EnvelopeDecision();
  }
  v1::EnvelopeDecision AdmitHeaders(const std::string& recipient, const std::string& name,
                                    const std::string& value) {
    v1::EvaluateHeadersRequest request;
    request.set_sender("ann@sender.example");
    request.set_direction(mail::v1::DIRECTION_INBOUND);
    v1::AddressedRecipient& to = *request.add_recipients();
    to.set_address(recipient);
    to.set_tenant("acme");
    mail::v1::HeaderField& field = *request.add_headers();
    field.set_name(name);
    field.set_value(value);
    return *evaluation_.AdmitHeaders(request);
  }

  base::FakeClock clock_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  directory::Directory directory_;
  RuleBook book_;
  ListHits hits_;
  Evaluation evaluation_{directory_, book_, clock_, hits_, metrics_};
  google::protobuf::RepeatedPtrField<mail::v1::Finding> findings_;
};

constexpr std::string_view kAuthenticated =
    "authentication { method: 'spf' result: 'pass' domain: 'sender.example' }";

TEST_F(EvaluationTest, NothingIsDecidedBeforeDirectoryAndRulesAreComplete) {
  RuleBook empty;
  const Evaluation early(directory_, empty, clock_, hits_, metrics_);
  EXPECT_TRUE(absl::IsUnavailable(early.Admit({}).status()));
  EXPECT_TRUE(absl::IsUnavailable(early.AdmitHeaders({}).status()));
}

TEST_F(EvaluationTest, C1_TheNarrowestScopeWinsWhateverIsSet) {
  for (const char* id : {"of-user", "of-group", "of-domain", "of-tenant"}) SetPolicy(id, "");
  std::mt19937 random(7);
  for (int round = 0; round < 64; ++round) {
    const unsigned set = random() % 16;
    const auto policy = [&](unsigned bit, const char* id) {
      return (set & bit) != 0 ? base::Cat(" policy: '", id, "'") : std::string();
    };
    Tell(base::Cat("name: 'tenants/acme' tenant { name: 'tenants/acme'", policy(8, "of-tenant"),
                   " }"));
    Tell(
        base::Cat("name: 'tenants/acme/domains/acme.example' domain { name: "
                  "'tenants/acme/domains/acme.example' recipient_mode: RECIPIENT_MODE_ANY",
                  policy(4, "of-domain"), " }"));
    Tell(
        base::Cat("name: 'tenants/acme/users/bob@acme.example' user { name: "
                  "'tenants/acme/users/bob@acme.example'",
                  policy(1, "of-user"), " }"));
    Tell(
        base::Cat("name: 'tenants/acme/groups/g' group { name: 'tenants/acme/groups/g' members: "
                  "'bob@acme.example'",
                  policy(2, "of-group"), " }"));
    const auto groups = Dispose({"Bob@acme.example"}, 0);
    ASSERT_EQ(groups.size(), 1U);
    const std::string expected = (set & 1) != 0   ? "of-user user"
                                 : (set & 2) != 0 ? "of-group group/g"
                                 : (set & 4) != 0 ? "of-domain domain"
                                 : (set & 8) != 0 ? "of-tenant tenant"
                                                  : "standard default";
    EXPECT_EQ(groups[0].policy() + " " + groups[0].policy_scope(), expected) << set;
    EXPECT_EQ(groups[0].policy_version(), set == 0 ? 0 : 3);
  }
}

TEST_F(EvaluationTest, C2_AnUnknownPolicyIsStandardAndCounted) {
  Tell("name: 'tenants/acme' tenant { name: 'tenants/acme' policy: 'no-such' }");
  EXPECT_EQ(Dispose({"bob@acme.example"}, 5.0)[0].rule(), "standard/score-at-least-5.0");
  EXPECT_EQ(metrics_.unknown_policies.value(), 1);
}

TEST_F(EvaluationTest, C2_AChangedRecommendedPolicyIsTheTenantsOwn) {
  SetPolicy("standard", "hold_score: 7");
  EXPECT_EQ(Dispose({"bob@acme.example"}, 6.9)[0].disposition(),
            mail::v1::DISPOSITION_KIND_DELIVER);
  v1::RulesChanged gone;
  gone.set_name("tenants/acme/policies/standard");
  gone.set_deleted(true);
  ASSERT_TRUE(book_.Apply(gone).ok());
  EXPECT_EQ(Dispose({"bob@acme.example"}, 6.9)[0].disposition(), mail::v1::DISPOSITION_KIND_HOLD);
}

TEST_F(EvaluationTest, RecipientsWithOneFateStandInOneGroup) {
  SetPolicy("standard", R"(
      rules { id: 'boss' conditions { recipient: 'boss@acme.example' } actions { deliver {} } })");
  const auto groups = Dispose({"a@acme.example", "boss@acme.example", "b@acme.example"}, 9);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].recipients_size(), 2);
  EXPECT_EQ(groups[1].rule(), "standard/boss");
}

TEST_F(EvaluationTest, OutgoingMailIsJudgedByItsSendersPolicy) {
  SetPolicy("outgoing", "rules { id: 'all' actions { hold {} } }");
  Tell(
      "name: 'tenants/acme/users/bob@acme.example' user { name: "
      "'tenants/acme/users/bob@acme.example' policy: 'outgoing' }");
  mail::v1::Message message;
  message.set_tenant("acme");
  message.set_direction(mail::v1::DIRECTION_OUTBOUND);
  message.mutable_envelope()->set_sender("bob@acme.example");
  message.mutable_envelope()->add_recipients("x@elsewhere.example");
  const mail::v1::MessageFacts facts;
  const auto groups =
      evaluation_.Dispose({.message = message, .findings = findings_, .facts = facts});
  ASSERT_TRUE(groups.ok());
  EXPECT_EQ(groups->at(0).rule(), "outgoing/all");
}

TEST_F(EvaluationTest, C14_AnAllowEntryCountsForAnAuthenticatedSenderOnly) {
  AddEntry("e", "kind: KIND_ALLOW sender: 'sender.example'");
  EXPECT_EQ(Dispose({"b@acme.example"}, 9)[0].disposition(), mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_EQ(Dispose({"b@acme.example"}, 9, std::string(kAuthenticated))[0].rule(),
            "standard/allow-list");
  EXPECT_EQ(hits_.Take().at("tenants/acme/listEntries/e").count, 1);
  EXPECT_EQ(Dispose({"b@acme.example"}, 9,
                    "authentication { method: 'arc' result: 'pass' domain: 'sender.example' }")[0]
                .disposition(),
            mail::v1::DISPOSITION_KIND_HOLD)
      << "ARC authenticates nobody";
  mail::v1::Finding& malware = *findings_.Add();
  malware.set_category(mail::v1::FINDING_CATEGORY_MALWARE);
  EXPECT_EQ(Dispose({"b@acme.example"}, 9, std::string(kAuthenticated))[0].hold_kind(),
            mail::v1::HOLD_KIND_VIRUS);
}

TEST_F(EvaluationTest, C14_AnAllowEntryMayBeBoundToNetworks) {
  AddEntry("e", "kind: KIND_ALLOW sender: 'ann@sender.example' networks: '192.0.2.0/24'");
  EXPECT_EQ(Dispose({"b@acme.example"}, 9)[0].rule(), "standard/allow-list");
  AddEntry("e", "kind: KIND_ALLOW sender: 'ann@sender.example' networks: '198.51.100.0/24'");
  EXPECT_EQ(Dispose({"b@acme.example"}, 9, std::string(kAuthenticated))[0].disposition(),
            mail::v1::DISPOSITION_KIND_HOLD)
      << "an entry bound to networks counts for them only";
}

TEST_F(EvaluationTest, C14_EntriesEndAndHaveAScope) {
  AddEntry("e", base::Cat("kind: KIND_ALLOW sender: '*.example' scope: 'b@acme.example' "
                          "expire_time { seconds: ",
                          absl::ToUnixSeconds(clock_.Now()) + 60, " }"));
  const auto rule = [&](const std::string& recipient) {
    return Dispose({recipient}, 9, std::string(kAuthenticated))[0].rule();
  };
  EXPECT_EQ(rule("B@acme.example"), "standard/allow-list");
  EXPECT_EQ(rule("c@acme.example"), "standard/score-at-least-5.0");
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(rule("b@acme.example"), "standard/score-at-least-5.0");
}

TEST_F(EvaluationTest, C14_TheFromHeaderCountsWhenItsDomainIsAuthenticated) {
  AddEntry("e", "kind: KIND_ALLOW sender: 'news.example'");
  const std::string from = "headers { name: 'From' value: '\"x, <y>\" <Info@News.Example>' }";
  EXPECT_EQ(Dispose({"b@acme.example"}, 9, from)[0].disposition(), mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_EQ(Dispose({"b@acme.example"}, 9,
                    from + "authentication { method: 'dkim' result: 'pass' domain: "
                           "'news.example' }")[0]
                .rule(),
            "standard/allow-list");
}

TEST_F(EvaluationTest, C14_ABlockEntryRefusesInSession) {
  EXPECT_FALSE(Admit("b@acme.example").scan_may_refuse());
  AddEntry("tenant", "kind: KIND_BLOCK sender: 'ann@sender.example'");
  const v1::EnvelopeDecision refused = Admit("b@acme.example");
  EXPECT_EQ(refused.code(), 550);
  EXPECT_EQ(refused.enhanced_code(), "5.7.1");
  EXPECT_TRUE(refused.text().starts_with("CMR-LST-BLOCK "));
  EXPECT_EQ(Dispose({"b@acme.example"}, 0)[0].rule(), "standard/block-list");
  AddEntry("user", "kind: KIND_ALLOW sender: 'ann@sender.example' scope: 'b@acme.example'");
  EXPECT_TRUE(Admit("b@acme.example").accepted()) << "narrower; the scan tells whether it counts";
  EXPECT_FALSE(Admit("c@acme.example").accepted());
  EXPECT_TRUE(Admit("b@acme.example").scan_may_refuse()) << "the header names the author";
  EXPECT_EQ(Dispose({"b@acme.example"}, 0)[0].rule(), "standard/block-list");
  EXPECT_EQ(Dispose({"b@acme.example"}, 9, std::string(kAuthenticated))[0].rule(),
            "standard/allow-list");
}

TEST_F(EvaluationTest, E2_OutlookExpressIsRefusedByItsHeader) {
  const v1::EnvelopeDecision admitted = Admit("b@acme.example");
  EXPECT_TRUE(admitted.accepted());
  ASSERT_EQ(admitted.triggers_size(), 2);
  EXPECT_EQ(admitted.triggers(0).name(), "x-mailer");
  EXPECT_EQ(admitted.triggers(0).contains(), "outlook express");
  const v1::EnvelopeDecision refused =
      AdmitHeaders("b@acme.example", "X-Mailer", "Microsoft Outlook Express 6.00.2900.5931");
  EXPECT_EQ(refused.code(), 550);
  EXPECT_TRUE(refused.text().starts_with("CMR-HDR-OE-EOL "));
  EXPECT_TRUE(AdmitHeaders("b@acme.example", "X-Mailer", "Microsoft Outlook 16.0").accepted());
  EXPECT_TRUE(AdmitHeaders("b@acme.example", "Subject", "Outlook Express").accepted());
  SetSettings("refuse_outlook_express: false");
  EXPECT_EQ(Admit("b@acme.example").triggers_size(), 0);
  EXPECT_TRUE(AdmitHeaders("b@acme.example", "X-MimeOLE", "Outlook Express").accepted());
}

TEST_F(EvaluationTest, RulesRefuseWithTheirOwnTextAndAStableCode) {
  SetPolicy("standard", R"(
      rules { id: 'no' conditions { sender_domain: 'sender.example' }
              actions { refuse { text: 'Ask us by phone' } } })");
  const v1::EnvelopeDecision refused = Admit("b@acme.example");
  EXPECT_FALSE(refused.accepted());
  EXPECT_EQ(refused.text(), "CMR-POL-RULE Ask us by phone");
  EXPECT_EQ(refused.rule(), "standard/no");
}

TEST_F(EvaluationTest, WhatWasScannedInSessionIsRefusedIfTheRulesRefuseItForAll) {
  SetPolicy("standard", R"(
      rules { id: 'spam' conditions { score_at_least: 10 } actions { refuse { text: 'No spam' } } })");
  const auto admit = [&](const std::vector<std::string>& recipients, double score) {
    mail::v1::Message message;
    message.set_tenant("acme");
    message.set_direction(mail::v1::DIRECTION_INBOUND);
    for (const std::string& recipient : recipients)
      message.mutable_envelope()->add_recipients(recipient);
    const mail::v1::MessageFacts facts;
    return *evaluation_.AdmitScanned(
        {.message = message, .findings = findings_, .facts = facts, .score = score});
  };
  EXPECT_EQ(admit({"a@acme.example"}, 12).text(), "CMR-POL-RULE No spam");
  EXPECT_TRUE(admit({"a@acme.example"}, 7).accepted()) << "held, not refused";
  SetPolicy("mild", "");
  Tell(
      "name: 'tenants/acme/users/m@acme.example' user { name: "
      "'tenants/acme/users/m@acme.example' policy: 'mild' }");
  EXPECT_TRUE(admit({"a@acme.example", "m@acme.example"}, 12).accepted());
}

TEST_F(EvaluationTest, VerdictClassesTellApartWhatTheHeaderWillDecide) {
  SetPolicy("strict", R"(
      rules { id: 'no' conditions { header { name: 'List-Id' } } actions { refuse {} } })");
  Tell(
      "name: 'tenants/acme/users/s@acme.example' user { name: "
      "'tenants/acme/users/s@acme.example' policy: 'strict' }");
  EXPECT_EQ(Admit("a@acme.example").verdict_class(), Admit("b@acme.example").verdict_class());
  EXPECT_NE(Admit("a@acme.example").verdict_class(), Admit("s@acme.example").verdict_class());
  EXPECT_EQ(Admit("s@acme.example").triggers_size(), 3);
  EXPECT_FALSE(AdmitHeaders("s@acme.example", "List-Id", "x").accepted());
  EXPECT_TRUE(AdmitHeaders("a@acme.example", "List-Id", "x").accepted());
}

TEST_F(EvaluationTest, AWatchedDomainGetsEverythingAndWouldBeIsRecorded) {
  Tell(
      "name: 'tenants/acme/domains/acme.example' domain { name: "
      "'tenants/acme/domains/acme.example' recipient_mode: RECIPIENT_MODE_ANY monitor_only: true "
      "}");
  AddEntry("e", "kind: KIND_BLOCK sender: 'sender.example'");
  EXPECT_TRUE(Admit("b@acme.example").accepted());
  const auto groups = Dispose({"b@acme.example"}, 0);
  EXPECT_EQ(groups[0].disposition(), mail::v1::DISPOSITION_KIND_DELIVER);
  EXPECT_EQ(groups[0].would_be().disposition(), mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_EQ(groups[0].would_be().rule(), "standard/block-list");
  EXPECT_TRUE(groups[0].would_be().refused());
}

TEST_F(EvaluationTest, ATenantThatIsNotThereIsRefused) {
  v1::EvaluateEnvelopeRequest request;
  request.add_recipients()->set_tenant("gone");
  const auto decisions = evaluation_.Admit(request);
  ASSERT_TRUE(decisions.ok());
  EXPECT_EQ(decisions->at(0).code(), 550);
  EXPECT_TRUE(decisions->at(0).text().starts_with("CMR-RCP-TENANT "));
}

}  // namespace
}  // namespace cleanmail::policy
