#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

// Why a rule does not run that asks lists, where the operator has not allowed it.
inline constexpr char kListsOff[] = "asks lists in the DNS: see scanner.spam_rules.network";

// Makes a RuleSet of a configuration.
class RuleSetBuilder {
 public:
  RuleSetBuilder(Configuration configuration, const RuleSetOptions& options);
  std::shared_ptr<const RuleSet> Run();

 private:
  using Rule = RuleSet::Rule;

  void ReadSettings();
  Rule MakeRule(const std::string& name, const RuleDefinition& definition) const;
  // `network`: by the scores for when the network is asked.
  void SetScore(Rule& rule, bool network) const;
  void CompileRule(Rule& rule, const RuleDefinition& definition) const;
  void CompilePattern(Rule& rule, std::string_view literal) const;
  void CompileHeader(Rule& rule, std::string_view text) const;
  void CompileMimeHeader(Rule& rule, std::string_view text) const;
  void CompileUriDetail(Rule& rule, std::string_view text) const;
  void CompileCall(Rule& rule, std::string_view text) const;
  void CompileAskDns(Rule& rule, std::string_view text) const;
  void TakeListCall(const Rule& rule, std::string_view function) const;
  void CompileMetas();
  std::string Expanded(std::string_view expression, std::string_view own_name) const;

  // In rule_order.cc.
  void OrderMetas();
  // What each meta rule is nothing without.
  void FindNeeds();
  void GroupRules();
  // Sets of which rules the prefilter says where they may match.
  regex::Prefilter PrefilterOf(const std::vector<unsigned>& rules);
  void GroupTexts(RuleSet::Group& group, std::vector<unsigned> rules);

  const RuleSetOptions& options_;
  std::shared_ptr<RuleSet> set_;
  std::unordered_map<std::string, unsigned> index_;
};

}  // namespace cleanmail::scanner::spam
