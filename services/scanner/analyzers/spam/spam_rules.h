#pragma once

#include "absl/time/time.h"
#include "libs/dns/resolver.h"
#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"

namespace cleanmail::scanner {

// Judges mail by SpamAssassin's rules: a finding for every rule that fires and weighs something,
// with the rule's name, weight and description. Says nothing until rules are loaded.
class SpamRules final : public Analyzer {
 public:
  // Where rules ask lists in the DNS: who answers, and how long a message may wait for it.
  struct Lists {
    dns::Resolver* resolver = nullptr;
    absl::Duration deadline = absl::Seconds(3);
  };
  // `sets` outlives it, as does the resolver; without one, no list is asked.
  explicit SpamRules(const spam::RuleSets& sets) : SpamRules(sets, Lists()) {}
  SpamRules(const spam::RuleSets& sets, Lists lists) : sets_(sets), lists_(lists) {}
  std::string_view name() const override { return "spam_rules"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  // Asks what the rules want to know of lists, as far as there is time.
  void AskLists(const spam::RuleSet& rules, const spam::MailView& mail,
                const spam::MessageKnowledge& knowledge) const;

  const spam::RuleSets& sets_;
  const Lists lists_;
};

// Who sent a message, in the words rules ask with. Exported for tests.
spam::SenderFacts SenderFactsOf(const SenderAuthentication& found);

}  // namespace cleanmail::scanner
