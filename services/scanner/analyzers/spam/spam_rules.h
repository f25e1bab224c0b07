#pragma once

#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"

namespace cleanmail::scanner {

// Judges mail by SpamAssassin's rules: a finding for every rule that fires and weighs something,
// with the rule's name, weight and description. Says nothing until rules are loaded.
class SpamRules final : public Analyzer {
 public:
  // `sets` outlives it.
  explicit SpamRules(const spam::RuleSets& sets) : sets_(sets) {}
  std::string_view name() const override { return "spam_rules"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  const spam::RuleSets& sets_;
};

// Who sent a message, in the words rules ask with. Exported for tests.
spam::SenderFacts SenderFactsOf(const SenderAuthentication& found);

}  // namespace cleanmail::scanner
