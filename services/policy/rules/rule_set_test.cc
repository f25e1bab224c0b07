#include "services/policy/rules/rule_set.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "libs/base/cat.h"
#include "services/policy/rules/difference.h"

namespace cleanmail::policy {
namespace {

template <class T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

v1::Policy PolicyWith(const std::string& rules) {
  v1::Policy policy = Proto<v1::Policy>(rules);
  if (policy.hold_score() == 0) policy.set_hold_score(5);
  policy.set_name("tenants/acme/policies/own");
  return policy;
}

std::shared_ptr<const RuleSet> Compiled(const v1::Policy& policy) {
  const auto rules = RuleSet::Compile(policy);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? *rules : nullptr;
}

// A message; what is not said is ordinary.
struct Mail {
  std::string sender = "ann@Example.org";
  std::string client = "192.0.2.7";
  mail::v1::Direction direction = mail::v1::DIRECTION_INBOUND;
  absl::Time at = absl::FromCivil(absl::CivilMinute(2026, 11, 20, 9, 30), absl::UTCTimeZone());
  std::string zone = "";
  int64_t size = 1000;
  mail::v1::MessageFacts facts = {};
  google::protobuf::RepeatedPtrField<mail::v1::Finding> findings = {};
  double score = 0;

  Outcome By(const RuleSet& rules, const Circumstances& circumstances = {}) const {
    return rules.Decide(Subject(Parts(Stage::kScanned)), "bob@acme.example", circumstances);
  }
  SubjectParts Parts(Stage stage) const {
    return {.stage = stage,
            .sender = sender,
            .client_address = client,
            .direction = direction,
            .at = at,
            .time_zone = zone,
            .size = size,
            .headers = &facts.headers(),
            .facts = &facts,
            .findings = &findings,
            .score = score};
  }
  void Find(mail::v1::FindingCategory category, std::string_view name = "NAME") {
    mail::v1::Finding& finding = *findings.Add();
    finding.set_name(std::string(name));
    finding.set_evidence("what was\r\nseen");
    finding.set_category(category);
  }
};

// Whether a rule of this one condition matches the mail.
bool Matches(const std::string& condition, const Mail& mail) {
  const auto rules = Compiled(
      PolicyWith("rules { id: 'r' conditions { " + condition + " } actions { hold {} } }"));
  return rules != nullptr && mail.By(*rules).rule == "own/r";
}

TEST(RecommendedPolicies, C2_ThereAreTwoFromTheStart) {
  const std::vector<v1::Policy> policies = RecommendedPolicies("acme");
  ASSERT_EQ(policies.size(), 2U);
  EXPECT_EQ(policies[0].name(), "tenants/acme/policies/standard");
  EXPECT_TRUE(policies[0].quarantine_report());
  EXPECT_FALSE(policies[1].quarantine_report());
}

TEST(RecommendedPolicies, C3_HoldAtExactlyFive) {
  for (const v1::Policy& policy : RecommendedPolicies("acme")) {
    const auto rules = Compiled(policy);
    Mail mail{.score = 5.0};
    EXPECT_EQ(mail.By(*rules).hold_kind, mail::v1::HOLD_KIND_SPAM);
    EXPECT_EQ(mail.By(*rules).rule, rules->id() + "/score-at-least-5.0");
    mail.score = 4.9;
    EXPECT_EQ(mail.By(*rules).disposition, mail::v1::DISPOSITION_KIND_DELIVER);
    EXPECT_EQ(mail.By(*rules).rule, rules->id() + "/otherwise-deliver");
  }
}

TEST(Order, MalwareComesBeforeEveryRuleAndAllowEntry) {
  const auto rules = Compiled(PolicyWith("rules { id: 'all' actions { deliver {} } }"));
  Mail mail{.score = -100};
  mail.Find(mail::v1::FINDING_CATEGORY_MALWARE);
  const Outcome outcome = mail.By(*rules, {.allow_entry = "entry"});
  EXPECT_EQ(outcome.hold_kind, mail::v1::HOLD_KIND_VIRUS);
  EXPECT_EQ(outcome.reason, "Malware: NAME (what was\\r\\nseen).");
}

TEST(Order, WhatCouldNotBeScannedIsHeldOrGoesOnWithAWarning) {
  const auto rules = Compiled(PolicyWith("rules { id: 'all' actions { deliver {} } }"));
  Mail mail;
  mail.Find(mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN);
  EXPECT_EQ(mail.By(*rules).hold_kind, mail::v1::HOLD_KIND_COULD_NOT_SCAN);
  const Outcome warned = mail.By(*rules, {.deliver_unscanned = true});
  EXPECT_EQ(warned.disposition, mail::v1::DISPOSITION_KIND_DELIVER);
  ASSERT_EQ(warned.actions.size(), 1U);
  EXPECT_NE(warned.actions[0].banner().text(), "");
}

TEST(Order, ChangesAddUpUntilADispositionEndsIt) {
  const auto rules = Compiled(PolicyWith(R"(
      rules { id: 'tag' actions { tag_subject: '[X]' } }
      rules { id: 'off' disabled: true actions { hold {} } }
      rules { id: 'end' actions { copy_to: 'archive@acme.example' } actions { deliver {} } }
      rules { id: 'never' actions { hold {} } })"));
  const Outcome outcome = Mail{.score = 99}.By(*rules);
  EXPECT_EQ(outcome.rule, "own/end");
  EXPECT_EQ(outcome.disposition, mail::v1::DISPOSITION_KIND_DELIVER);
  ASSERT_EQ(outcome.actions.size(), 2U);
  EXPECT_EQ(outcome.actions[0].tag_subject(), "[X]");
  EXPECT_EQ(outcome.actions[0].rule(), "own/tag");
  EXPECT_EQ(outcome.actions[1].copy_to(), "archive@acme.example");
}

TEST(Order, AnAllowEntryCountsAgainstTheScoreOnly) {
  const auto rules = Compiled(PolicyWith(
      "rules { id: 'exe' conditions { attachment { name: '*.exe' } } actions { hold {} } }"));
  Mail mail{.score = 9};
  EXPECT_EQ(mail.By(*rules, {.allow_entry = "e"}).rule, "own/allow-list");
  mail.facts.add_attachments()->set_name("SETUP.EXE");
  EXPECT_EQ(mail.By(*rules, {.allow_entry = "e"}).hold_kind, mail::v1::HOLD_KIND_ATTACHMENT);
}

TEST(Scores, AboveTheSecondMailIsHeldUnlisted) {
  v1::Policy policy = PolicyWith("unlisted_score: 15");
  const auto rules = Compiled(policy);
  EXPECT_EQ(Mail{.score = 14.9}.By(*rules).hold_kind, mail::v1::HOLD_KIND_SPAM);
  EXPECT_EQ(Mail{.score = 15}.By(*rules).hold_kind, mail::v1::HOLD_KIND_UNLISTED);
  EXPECT_EQ(Mail{.score = 15}.By(*rules).rule, "own/score-at-least-15.0");
}

TEST(Conditions, FindingsAndScores) {
  Mail mail{.score = 3};
  mail.Find(mail::v1::FINDING_CATEGORY_PHISHING, "LINK_DIFFERS");
  EXPECT_TRUE(Matches("finding: 'LINK_DIFFERS'", mail));
  EXPECT_FALSE(Matches("finding: 'LINK'", mail));
  EXPECT_TRUE(Matches("negated: true finding: 'LINK'", mail));
  EXPECT_TRUE(Matches("category: FINDING_CATEGORY_PHISHING", mail));
  EXPECT_FALSE(Matches("category: FINDING_CATEGORY_SPAM", mail));
  EXPECT_TRUE(Matches("score_at_least: 3", mail));
  EXPECT_FALSE(Matches("score_at_least: 3.1", mail));
}

TEST(Conditions, F8_TheCategoryOfTheWholeMessage) {
  Mail mail;
  EXPECT_FALSE(Matches("message_category: MESSAGE_CATEGORY_NEWSLETTER", mail));
  mail.facts.set_category(mail::v1::MESSAGE_CATEGORY_NEWSLETTER);
  EXPECT_TRUE(Matches("message_category: MESSAGE_CATEGORY_NEWSLETTER", mail));
  EXPECT_FALSE(Matches("message_category: MESSAGE_CATEGORY_BULK", mail));
}

TEST(Conditions, TheEnvelope) {
  const Mail mail;
  EXPECT_TRUE(Matches("sender: 'ANN@example.org'", mail));
  EXPECT_TRUE(Matches("sender: '*@example.*'", mail));
  EXPECT_TRUE(Matches("sender_domain: 'example.org'", mail));
  EXPECT_FALSE(Matches("sender_domain: '*.example.org'", mail));
  EXPECT_TRUE(Matches("recipient: 'acme.example'", mail));
  EXPECT_FALSE(Matches("recipient: 'eve@acme.example'", mail));
  EXPECT_TRUE(Matches("network { networks: '192.0.2.0/24' }", mail));
  EXPECT_FALSE(Matches("network { networks: '198.51.100.0/24' networks: '2001:db8::/32' }", mail));
  EXPECT_TRUE(Matches("direction: DIRECTION_INBOUND", mail));
  EXPECT_TRUE(Matches("sender: '<>'", Mail{.sender = ""}));
  EXPECT_FALSE(Matches("network { networks: '::/0' }", Mail{.client = "not an address"}));
}

TEST(Conditions, HeaderAndSize) {
  Mail mail{.size = 1'000'000};
  for (const auto& [name, value] : {std::pair{"Subject", "You have WON\na prize"},
                                    {"X-Mailer", "Mass 1"},
                                    {"X-Mailer", "other"}}) {
    mail::v1::HeaderField& field = *mail.facts.add_headers();
    field.set_name(name);
    field.set_value(value);
  }
  EXPECT_TRUE(Matches("header { name: 'subject' contains: 'won' }", mail));
  EXPECT_TRUE(Matches("header { name: 'SUBJECT' regex: 'w.n\\\\s+a' }", mail));
  EXPECT_FALSE(Matches("header { name: 'subject' glob: 'won*' }", mail));
  EXPECT_TRUE(Matches("header { name: 'x-mailer' glob: 'OTHER' }", mail));
  EXPECT_TRUE(Matches("header { name: 'x-mailer' }", mail)) << "it is there";
  EXPECT_FALSE(Matches("header { name: 'x-other' }", mail));
  EXPECT_TRUE(Matches("size_at_least: 1000000", mail));
  EXPECT_FALSE(Matches("size_at_least: 1000001", mail));
}

TEST(Conditions, AttachmentMatchesNameAndTypeTogether) {
  Mail mail;
  *mail.facts.add_attachments() =
      Proto<mail::v1::Attachment>("name: 'a.zip' content_type: 'application/zip' part: '2'");
  *mail.facts.add_attachments() =
      Proto<mail::v1::Attachment>("name: 'b.pdf' content_type: 'application/pdf' part: '3'");
  EXPECT_TRUE(Matches("attachment { name: '*.ZIP' content_type: 'application/*' }", mail));
  EXPECT_FALSE(Matches("attachment { name: '*.zip' content_type: 'application/pdf' }", mail));
  EXPECT_TRUE(Matches("attachment {}", mail));
  EXPECT_FALSE(Matches("attachment {}", Mail{}));
  const auto rules = Compiled(
      PolicyWith("rules { id: 's' actions { strip_attachments { name: '*.pdf' note: 'gone' } } }"));
  const Outcome outcome = mail.By(*rules);
  ASSERT_EQ(outcome.actions.size(), 1U);
  ASSERT_EQ(outcome.actions[0].strip_attachments().parts_size(), 1);
  EXPECT_EQ(outcome.actions[0].strip_attachments().parts(0), "3");
  EXPECT_TRUE(Mail{}.By(*rules).actions.empty()) << "nothing to take out";
}

TEST(Conditions, AuthenticationMayHaveToBeTheSendersOwn) {
  Mail mail;
  *mail.facts.add_authentication() =
      Proto<mail::v1::AuthenticationResult>("method: 'dkim' result: 'pass' domain: 'bulk.example'");
  EXPECT_TRUE(Matches("authentication { method: 'dkim' results: 'pass' }", mail));
  EXPECT_FALSE(Matches("authentication { method: 'dkim' results: 'pass' aligned: true }", mail));
  EXPECT_TRUE(Matches("authentication { method: 'spf' results: 'none' results: 'fail' }", mail))
      << "a method that was not tried says none";
  mail.facts.mutable_authentication(0)->set_domain("example.org");
  mail.sender = "ann@mail.example.org";
  EXPECT_TRUE(Matches("authentication { method: 'dkim' results: 'pass' aligned: true }", mail));
}

TEST(Conditions, TimeOfDayIsTheTenants) {
  Mail mail;  // a Friday, 09:30 UTC
  EXPECT_TRUE(Matches("time_of_day { from: '09:00' to: '10:00' }", mail));
  EXPECT_FALSE(Matches("time_of_day { from: '10:00' to: '11:00' }", mail));
  mail.zone = "Europe/Zurich";  // 10:30
  EXPECT_TRUE(Matches("time_of_day { from: '10:00' to: '11:00' }", mail));
  EXPECT_TRUE(Matches("time_of_day { days: 5 }", mail));
  EXPECT_FALSE(Matches("time_of_day { days: 6 days: 7 }", mail));
  mail.zone = "No/Such_Place";  // UTC
  EXPECT_TRUE(Matches("time_of_day { from: '09:00' to: '10:00' }", mail));
  mail.at = absl::FromCivil(absl::CivilMinute(2026, 11, 21, 1, 0), absl::UTCTimeZone());
  EXPECT_TRUE(Matches("time_of_day { days: 5 from: '22:00' to: '06:00' }", mail))
      << "the night belongs to the day it begins on";
  EXPECT_FALSE(Matches("time_of_day { days: 6 from: '22:00' to: '06:00' }", mail));
}

TEST(Actions, DiscardHappensOnlyWhereItIsAllowed) {
  const auto rules = Compiled(PolicyWith("rules { id: 'd' actions { discard {} } }"));
  EXPECT_EQ(Mail{}.By(*rules).disposition, mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_EQ(Mail{}.By(*rules, {.allow_discard = true}).disposition,
            mail::v1::DISPOSITION_KIND_DISCARD);
}

TEST(Actions, RedirectAndNamedQuarantine) {
  const auto redirect =
      Compiled(PolicyWith("rules { id: 'r' actions { redirect { to: 'x@acme.example' } } }"));
  EXPECT_EQ(Mail{}.By(*redirect).redirect_to, std::vector<std::string>{"x@acme.example"});
  const auto hold =
      Compiled(PolicyWith("rules { id: 'h' actions { hold { quarantine: 'legal' } } }"));
  EXPECT_EQ(Mail{}.By(*hold).quarantine, "legal");
  EXPECT_EQ(Mail{}.By(*hold).hold_kind, mail::v1::HOLD_KIND_POLICY);
}

TEST(InSession, ARuleRefusesWhenNothingBeforeItIsOpen) {
  const std::string refuse =
      "rules { id: 'no' conditions { sender_domain: 'example.org' } actions { refuse {} } }";
  const Mail mail;
  const Subject subject(mail.Parts(Stage::kEnvelope));
  const auto admit = [&](const std::string& rules) {
    static std::vector<std::shared_ptr<const RuleSet>> kept;
    kept.push_back(Compiled(PolicyWith(rules)));
    return kept.back()->Admit(subject, "bob@acme.example");
  };
  EXPECT_NE(admit(refuse).refused_by, nullptr);
  EXPECT_EQ(admit("rules { id: 'f' conditions { finding: 'X' } actions { deliver {} } }" + refuse)
                .refused_by,
            nullptr);
  EXPECT_NE(admit("rules { id: 'f' conditions { finding: 'X' } conditions { sender: 'b@c.de' } "
                  "actions { deliver {} } }" +
                  refuse)
                .refused_by,
            nullptr)
      << "what is known already rules the first one out";
  EXPECT_NE(
      admit("rules { id: 'f' conditions { finding: 'X' } actions { tag_subject: 'x' } }" + refuse)
          .refused_by,
      nullptr)
      << "a rule that only changes decides nothing";
  const SessionOutcome later = admit(
      "rules { id: 'h' conditions { header { name: 'Subject' contains: 'Won' } } actions { "
      "refuse {} } }" +
      refuse);
  EXPECT_EQ(later.refused_by, nullptr);
  ASSERT_EQ(later.later.size(), 2U);
  EXPECT_EQ(later.later[0]->trigger_name(), "subject");
  EXPECT_EQ(later.later[0]->trigger_contains(), "won");
}

TEST(InSession, AScanIsWorthWaitingForWhereItMayRefuse) {
  const Mail mail;
  const Subject subject(mail.Parts(Stage::kEnvelope));
  const auto may_refuse = [&subject](const std::string& fields) {
    return Compiled(PolicyWith(fields))->Admit(subject, "bob@acme.example").scan_may_refuse;
  };
  const std::string found = "rules { id: 'f' conditions { finding: 'X' } actions { refuse {} } }";
  const std::string hold = "rules { id: 'h' conditions { finding: 'Y' } actions { hold {} } }";
  const std::string stranger = "rules { id: 's' conditions { sender: 'nobody@example.net' } ";
  EXPECT_FALSE(may_refuse(""));
  EXPECT_FALSE(may_refuse(hold));
  EXPECT_TRUE(may_refuse(found));
  EXPECT_TRUE(may_refuse(hold + found));
  EXPECT_TRUE(may_refuse(hold + "rules { id: 'all' actions { refuse {} } }"))
      << "certain only after the scan has ruled the first one out";
  EXPECT_FALSE(may_refuse("rules { id: 'all' actions { deliver {} } }" + found));
  EXPECT_FALSE(may_refuse(stranger + "conditions { finding: 'X' } actions { refuse {} } }"))
      << "the envelope has ruled it out";
}

TEST(InSession, ARefusalThatCameTooLateIsAHold) {
  const auto rules = Compiled(PolicyWith(
      "rules { id: 'no' conditions { finding: 'NAME' } actions { refuse { text: 'No' } } }"));
  Mail mail;
  mail.Find(mail::v1::FINDING_CATEGORY_NOTE);
  const Outcome outcome = mail.By(*rules);
  EXPECT_EQ(outcome.hold_kind, mail::v1::HOLD_KIND_POLICY);
  EXPECT_TRUE(outcome.to_be_refused);
}

TEST(Validation, ErrorsNameTheField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"rules { id: 'A' actions { hold {} } }", "policy.rules[0].id: "},
      {"rules { id: 'malware' actions { hold {} } }", "policy.rules[0].id: "},
      {"rules { id: 'a' }", "policy.rules[0].actions: "},
      {"rules { id: 'a' actions {} }", "policy.rules[0].actions[0]: "},
      {"rules { id: 'a' actions { hold {} } actions { deliver {} } }",
       "policy.rules[0].actions[1]: "},
      {"rules { id: 'a' actions { hold {} } } rules { id: 'a' actions { hold {} } }",
       "policy.rules[1].id: "},
      {"rules { id: 'a' conditions {} actions { hold {} } }", "policy.rules[0].conditions[0]: "},
      {"rules { id: 'a' conditions { sender: 'a b' } actions { hold {} } }",
       "policy.rules[0].conditions[0].sender: "},
      {"rules { id: 'a' conditions { header { name: 'S' regex: '(' } } actions { hold {} } }",
       "policy.rules[0].conditions[0].header.regex: "},
      {"rules { id: 'a' conditions { network { networks: '1.2.3.4/99' } } actions { hold {} } }",
       "policy.rules[0].conditions[0].network.networks[0]: "},
      {"rules { id: 'a' actions { add_header { name: 'Received' value: 'x' } } }",
       "policy.rules[0].actions[0].add_header.name: "},
      {"rules { id: 'a' actions { add_header { name: 'X-A' value: 'x\\r\\nBcc: y' } } }",
       "policy.rules[0].actions[0].add_header.value: "},
      {"rules { id: 'a' actions { refuse { text: 'no\\r\\n250 Ok' } } }",
       "policy.rules[0].actions[0].refuse.text: "},
      {"rules { id: 'a' actions { redirect { to: 'nobody' } } }",
       "policy.rules[0].actions[0].redirect.to[0]: "},
      {"unlisted_score: 4", "policy.unlisted_score: "},
      {"unlisted_score: nan", "policy.unlisted_score: "},
  };
  for (const auto& [rules, path] : wrong) {
    const absl::Status status = RuleSet::Compile(PolicyWith(rules)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << rules;
    EXPECT_TRUE(base::View(status.message()).starts_with(path)) << status << "\n" << path;
  }
}

TEST(Validation, PoliciesAreBounded) {
  v1::Policy policy = PolicyWith("");
  for (int i = 0; i < 501; ++i) {
    v1::Rule& rule = *policy.add_rules();
    rule.set_id(base::Cat("r", i));
    rule.add_actions()->mutable_deliver();
  }
  EXPECT_FALSE(RuleSet::Compile(policy).ok());
  policy.mutable_rules()->RemoveLast();
  EXPECT_TRUE(RuleSet::Compile(policy).ok());
  for (int i = 0; i < 51; ++i) policy.mutable_rules(0)->add_conditions()->set_size_at_least(1);
  EXPECT_FALSE(RuleSet::Compile(policy).ok());
}

TEST(Differences, AreSaidInWords) {
  const v1::Policy before = PolicyWith(R"(
      rules { id: 'a' actions { deliver {} } }
      rules { id: 'b' actions { deliver {} } }
      rules { id: 'c' actions { deliver {} } })");
  v1::Policy after = PolicyWith(R"(hold_score: 6
      rules { id: 'c' actions { deliver {} } }
      rules { id: 'a' disabled: true actions { deliver {} } }
      rules { id: 'd' actions { deliver {} } })");
  std::vector<std::string> sentences;
  const v1::PolicyDifference difference = Difference(before, after);
  for (const v1::PolicyChange& change : difference.changes())
    sentences.push_back(change.sentence());
  EXPECT_EQ(sentences.size(), 5U);
  EXPECT_EQ(sentences[0], "hold_score: from 5.0 to 6.0.");
  EXPECT_NE(std::ranges::find(sentences, "Rule a was switched off."), sentences.end());
  EXPECT_NE(std::ranges::find(sentences, "Rule d was added."), sentences.end());
  EXPECT_NE(std::ranges::find(sentences, "Rule b was removed."), sentences.end());
  EXPECT_TRUE(Difference(before, before).changes().empty());
}

}  // namespace
}  // namespace cleanmail::policy
