#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

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
  void CompileMetas();
  void OrderMetas();
  void FindAskers();
  void GroupRules();
  // Sets of which rules the prefilter says where they may match.
  regex::Prefilter PrefilterOf(const std::vector<unsigned>& rules);
  void GroupTexts(RuleSet::Group& group, std::vector<unsigned> rules);
  std::string Expanded(std::string_view expression, std::string_view own_name) const;

  const RuleSetOptions& options_;
  std::shared_ptr<RuleSet> set_;
  std::unordered_map<std::string, unsigned> index_;
};

}  // namespace cleanmail::scanner::spam
