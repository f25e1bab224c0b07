#include "services/scanner/analyzers/spam/rules/rule_set.h"

#include <algorithm>

#include "libs/net/address.h"
#include "libs/net/prefix.h"
#include "libs/regex/perl_literal.h"
#include "services/scanner/analyzers/spam/rules/rule_set_builder.h"

namespace cleanmail::scanner::spam {

std::shared_ptr<const RuleSet> RuleSet::Build(Configuration configuration,
                                              const RuleSetOptions& options) {
  return RuleSetBuilder(std::move(configuration), options).Run();
}

std::vector<RuleStatus> RuleSet::Status() const {
  std::vector<RuleStatus> status;
  status.reserve(rules_.size());
  for (const Rule& rule : rules_) {
    status.push_back({.name = rule.name,
                      .description = rule.description,
                      .score = rule.score,
                      .active = rule.why_not.empty(),
                      .reason = rule.why_not});
  }
  return status;
}

size_t RuleSet::pattern_bytes() const {
  size_t bytes = 0;
  for (const Rule& rule : rules_) bytes += rule.pattern ? rule.pattern->bytes() : 0;
  for (const Group* group : {&body_, &rawbody_, &full_, &uri_}) bytes += group->prefilter.bytes();
  for (const Group& group : headers_) bytes += group.prefilter.bytes();
  return bytes + header_prefilter_.bytes();
}

}  // namespace cleanmail::scanner::spam
