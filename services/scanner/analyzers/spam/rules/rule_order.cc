// What rules are looked for together, and in which order they are decided.
#include <algorithm>
#include <map>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/rules/rule_set_builder.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kLongestChain = 100;  // of rules that ask for others

// Whether what stands for a field is made of many: there a prefilter of other fields' rules would
// cost more than one of its own.
bool IsLongField(std::string_view field) {
  return field.starts_with("ALL") || field.starts_with("Received") ||
         field.starts_with("X-Spam-Relays");
}

}  // namespace

// Each meta rule behind those it asks for; those in a circle, and those that ask for a meta rule
// that does not run, do not run.
void RuleSetBuilder::OrderMetas() {
  std::vector<Rule>& rules = set_->rules_;
  std::vector<unsigned> waiting;
  for (unsigned i = 0; i < rules.size(); ++i) {
    if (rules[i].kind == RuleKind::kMeta && rules[i].why_not.empty()) waiting.push_back(i);
  }
  std::vector<bool> placed(rules.size() + 2, false);
  std::vector<size_t> chain(rules.size() + 2, 0);
  bool progress = true;
  while (progress && !waiting.empty()) {
    progress = false;
    std::vector<unsigned> later;
    for (const unsigned index : waiting) {
      Rule& rule = rules[index];
      bool ready = true;
      for (const unsigned input : rule.expression->inputs()) {
        if (input >= rules.size() || rules[input].kind != RuleKind::kMeta || placed[input])
          continue;
        ready = false;
        if (rules[input].why_not.empty() || input == index) continue;
        rule.why_not = base::Cat("it asks for ", rules[input].name, ", which does not run");
        break;
      }
      for (const unsigned input : rule.expression->inputs())
        chain[index] = std::max(chain[index], chain[input] + 1);
      if (ready && chain[index] > kLongestChain) {
        rule.why_not = "it asks for rules that ask for rules, too many times over";
      } else if (ready) {
        placed[index] = true;
        set_->metas_.push_back(index);
      } else if (rule.why_not.empty()) {
        later.push_back(index);
      }
      progress = progress || ready || !rule.why_not.empty();
    }
    waiting = std::move(later);
  }
  for (const unsigned index : waiting) rules[index].why_not = "it depends on itself";
}

void RuleSetBuilder::FindNeeds() {
  // What it costs to know a rule, roughly.
  const auto cost = [this](unsigned index) {
    if (index >= set_->rules_.size()) return 0;
    const Rule& rule = set_->rules_[index];
    if (rule.kind == RuleKind::kHeader) return 1;
    if (rule.pattern.has_value()) return rule.filtered ? 2 : 5;
    return rule.kind == RuleKind::kMeta ? 4 : 3;
  };
  for (const unsigned index : set_->metas_) {
    Rule& rule = set_->rules_[index];
    for (const unsigned input : rule.expression->inputs()) {
      const double without = rule.expression->Evaluate(
          [input](unsigned other) { return other == input ? 0 : Expression::kUnknown; });
      if (without == 0) rule.needs.push_back(input);
    }
    std::stable_sort(rule.needs.begin(), rule.needs.end(),
                     [&](unsigned a, unsigned b) { return cost(a) < cost(b); });
  }
}

regex::Prefilter RuleSetBuilder::PrefilterOf(const std::vector<unsigned>& rules) {
  std::vector<regex::Prefilter::Pattern> patterns;
  for (const unsigned index : rules) {
    Rule& rule = set_->rules_[index];
    rule.filtered = rule.pattern.has_value();
    if (rule.filtered) patterns.push_back({&*rule.pattern, index});
  }
  regex::Prefilter prefilter(patterns);
  for (const unsigned index : prefilter.unfiltered()) set_->rules_[index].filtered = false;
  return prefilter;
}

void RuleSetBuilder::GroupTexts(RuleSet::Group& group, std::vector<unsigned> rules) {
  group.prefilter = PrefilterOf(rules);
  for (const unsigned index : rules) {
    const Rule& rule = set_->rules_[index];
    if (!rule.filtered) (rule.hidden ? group.later : group.always).push_back(index);
  }
}

void RuleSetBuilder::GroupRules() {
  std::map<RuleKind, std::vector<unsigned>> by_kind;
  std::map<std::string, std::vector<unsigned>> by_field;
  for (unsigned i = 0; i < set_->rules_.size(); ++i) {
    const Rule& rule = set_->rules_[i];
    if (!rule.why_not.empty()) continue;
    by_kind[rule.kind].push_back(i);
    if (rule.kind == RuleKind::kHeader) by_field[rule.field].push_back(i);
  }
  for (unsigned i = 0; i < set_->rules_.size(); ++i) {
    if (!set_->rules_[i].hidden) set_->visible_.push_back(i);
  }
  std::vector<unsigned> of_short_fields;
  for (auto& [field, rules] : by_field) {
    for (const unsigned index : rules) set_->rules_[index].group = set_->headers_.size();
    RuleSet::Group group;
    group.field = field;
    group.shared_prefilter = !IsLongField(field);
    if (group.shared_prefilter) {
      of_short_fields.insert(of_short_fields.end(), rules.begin(), rules.end());
    } else {
      group.prefilter = PrefilterOf(rules);
    }
    group.always = std::move(rules);
    set_->headers_.push_back(std::move(group));
  }
  std::sort(of_short_fields.begin(), of_short_fields.end());
  set_->header_prefilter_ = PrefilterOf(of_short_fields);
  for (RuleSet::Group& group : set_->headers_) {
    std::erase_if(group.always,
                  [this](unsigned index) { return set_->rules_[index].silent_unnamed(); });
  }
  for (RuleSet::Group* group : {&set_->body_, &set_->rawbody_, &set_->full_, &set_->uri_}) {
    group->kind = group == &set_->body_      ? RuleKind::kBody
                  : group == &set_->rawbody_ ? RuleKind::kRawBody
                  : group == &set_->full_    ? RuleKind::kFull
                                             : RuleKind::kUri;
    GroupTexts(*group, std::move(by_kind[group->kind]));
  }
  for (const RuleKind kind :
       {RuleKind::kMimeHeader, RuleKind::kUriDetail, RuleKind::kEval, RuleKind::kNetwork})
    set_->others_.insert(set_->others_.end(), by_kind[kind].begin(), by_kind[kind].end());
}

}  // namespace cleanmail::scanner::spam
