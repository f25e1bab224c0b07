#include "services/policy/rules/rule_set.h"

#include <gtest/gtest.h>

namespace cleanmail::policy {
namespace {

using mail::v1::FindingCategory;

Scanned With(FindingCategory category, double score) {
  Scanned scanned{.findings = {}, .score = score};
  mail::v1::Finding& finding = scanned.findings.emplace_back();
  finding.set_name("NAME");
  finding.set_evidence("what was\r\nseen");
  finding.set_category(category);
  return scanned;
}

TEST(RecommendedPolicies, C3_HoldAtExactlyFive) {
  for (const std::string_view name : {"standard", "without-report"}) {
    const RuleSet& rules = RuleSet::Recommended(name);
    EXPECT_EQ(rules.name(), name);
    const Decision held = rules.Decide({.findings = {}, .score = 5.0});
    EXPECT_EQ(held.disposition, mail::v1::DISPOSITION_KIND_HOLD);
    EXPECT_EQ(held.hold_kind, mail::v1::HOLD_KIND_SPAM);
    EXPECT_EQ(held.rule, std::string(name) + "/score-at-least-5.0");
    const Decision delivered = rules.Decide({.findings = {}, .score = 4.9});
    EXPECT_EQ(delivered.disposition, mail::v1::DISPOSITION_KIND_DELIVER);
    EXPECT_EQ(delivered.rule, std::string(name) + "/otherwise-deliver");
  }
}

TEST(RecommendedPolicies, MalwareOutweighsEveryScore) {
  const Decision decision =
      RuleSet::Recommended("standard").Decide(With(mail::v1::FINDING_CATEGORY_MALWARE, -100));
  EXPECT_EQ(decision.hold_kind, mail::v1::HOLD_KIND_VIRUS);
  EXPECT_EQ(decision.reason, "Malware: NAME (what was\\r\\nseen).");
}

TEST(RecommendedPolicies, WhatCouldNotBeScannedIsHeld) {
  const Decision decision =
      RuleSet::Recommended("standard").Decide(With(mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN, 0));
  EXPECT_EQ(decision.disposition, mail::v1::DISPOSITION_KIND_HOLD);
  EXPECT_EQ(decision.hold_kind, mail::v1::HOLD_KIND_COULD_NOT_SCAN);
}

TEST(RecommendedPolicies, AnUnknownNameMeansStandard) {
  EXPECT_EQ(RuleSet::Recommended("nonsense").name(), "standard");
}

}  // namespace
}  // namespace cleanmail::policy
