#include "services/scanner/findings/finding_weights.h"

#include <gtest/gtest.h>

#include "services/scanner/findings/catalogue.h"
#include "services/scanner/findings/fitted_rules.h"
#include "services/scanner/findings/fitted_weights.h"

namespace cleanmail::scanner {
namespace {

double WeightOf(const FindingWeights& weights, mail::v1::Finding finding) {
  std::vector<mail::v1::Finding> findings = {std::move(finding)};
  weights.Apply(findings);
  return findings[0].weight();
}

mail::v1::Finding Catalogued(std::string_view name) {
  return MakeFinding(*FindingNamed(name), "", "x");
}

TEST(FindingWeightsTest, EveryFittedFindingIsInTheCatalogue) {
  for (const FittedWeight& one : kFittedWeights)
    EXPECT_TRUE(FindingNamed(one.name).has_value()) << one.name;
}

TEST(FindingWeightsTest, NothingThatWasFittedHoldsAMessageAlone) {
  for (const FittedWeight& one : kFittedWeights) {
    EXPECT_GE(one.alone, 0) << one.name;
    EXPECT_LT(one.alone, 5) << one.name;
    EXPECT_LT(one.with_rules, 5) << one.name;
  }
  for (const FittedRule& one : kFittedRules) EXPECT_LT(one.fitted, 5) << one.name;
}

TEST(FindingWeightsTest, AScanWithRulesHasAFitOfItsOwn) {
  const FittedWeight& some = kFittedWeights[0];
  EXPECT_EQ(WeightOf(FindingWeights({}, false), Catalogued(some.name)), some.alone);
  EXPECT_EQ(WeightOf(FindingWeights({}, true), Catalogued(some.name)), some.with_rules);
}

TEST(FindingWeightsTest, WhatNobodyHasFittedKeepsItsWeight) {
  EXPECT_EQ(WeightOf(FindingWeights({}, true), Catalogued("GTUBE")), 1000);
}

TEST(FindingWeightsTest, ARuleWhoseScoreAnOperatorHasChangedKeepsIt) {
  const FittedRule& rule = kFittedRules[0];
  const FindingWeights weights({}, true);
  EXPECT_EQ(WeightOf(weights, MakeRuleFinding(rule.name, rule.score, "", "spam_rules")),
            rule.fitted);
  EXPECT_EQ(WeightOf(weights, MakeRuleFinding(rule.name, rule.score + 1, "", "spam_rules")),
            rule.score + 1);
}

TEST(FindingWeightsTest, WhatWasFittedWeighsLessWhereLessonsSpeak) {
  const FittedWeight& own = kFittedWeights[0];
  const FittedRule& rule = kFittedRules[0];
  std::vector<mail::v1::Finding> findings = {
      MakeFinding(FindingId::kLearnedUnsure, "", "learned"), Catalogued(own.name),
      MakeRuleFinding(rule.name, rule.score, "", "spam_rules"),
      MakeRuleFinding("OF_AN_OPERATOR", 3, "", "spam_rules"), Catalogued("GTUBE")};
  const double learned = findings[0].weight();
  FindingWeights({}, true).Apply(findings);
  EXPECT_EQ(findings[0].weight(), learned);
  EXPECT_EQ(findings[1].weight(), own.with_rules * kBesideLessons);
  EXPECT_EQ(findings[2].weight(), rule.fitted * kBesideLessons);
  EXPECT_EQ(findings[3].weight(), 3);
  EXPECT_EQ(findings[4].weight(), 1000);
}

TEST(FindingWeightsTest, WhatAnOperatorSetsGoesFirst) {
  v1::Weights settings;
  const std::string name(kFittedWeights[0].name);
  (*settings.mutable_set())[name] = 0.25;
  EXPECT_EQ(WeightOf(FindingWeights(settings, true), Catalogued(name)), 0.25);
}

TEST(FindingWeightsTest, UnfittedTheCatalogueCounts) {
  v1::Weights settings;
  settings.set_unfitted(true);
  const std::string_view name = kFittedWeights[0].name;
  EXPECT_EQ(WeightOf(FindingWeights(settings, true), Catalogued(name)),
            EntryOf(*FindingNamed(name)).weight);
}

}  // namespace
}  // namespace cleanmail::scanner
