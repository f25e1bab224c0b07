// How rules are compiled that ask the DNS.
#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/rule_set_builder.h"

namespace cleanmail::scanner::spam {

// "template [type [filter]]"; the filter is a pattern, a text in quotes, or codes.
void RuleSetBuilder::CompileAskDns(Rule& rule, std::string_view text) const {
  if (!options_.network) {
    rule.why_not =
        rule.why_not.empty() ? kListsOff : base::Cat(rule.why_not, " and it ", kListsOff);
    return;
  }
  const std::vector<std::string_view> words = Words(text);
  const std::string_view type = words.size() > 1 ? words[1] : "A";
  std::string_view filter;
  if (words.size() > 2) filter = text.substr(static_cast<size_t>(words[2].data() - text.data()));
  if (type != "A" && type != "TXT") {
    rule.why_not = "asks for records other than A and TXT";
  } else if (filter.starts_with('[')) {
    rule.why_not = "waits for a code of the DNS's own, which is not handed on";
  } else if (filter.starts_with('/') || filter.starts_with("m{")) {
    CompilePattern(rule, filter);
  } else if (filter.size() > 1 && (filter[0] == '"' || filter[0] == '\'')) {
    filter = filter.substr(1, filter.size() - 2);
  }
  rule.function = FindEvalFunction("askdns");
  rule.arguments = {std::string(words.empty() ? "" : words[0]), std::string(type),
                    std::string(filter)};
}

// Remembers what a rule that runs asks, for those that look at the same answers.
void RuleSetBuilder::TakeListCall(const Rule& rule, std::string_view function) const {
  if (!rule.why_not.empty()) return;
  Configuration& configuration = set_->configuration_;
  const auto flags = configuration.flags.find(rule.name);
  const std::string_view words =
      flags == configuration.flags.end() ? std::string_view() : flags->second;
  if (auto call = ReadListCall(function, rule.arguments, words))
    configuration.dns_lists.calls[call->set].push_back(*std::move(call));
}

}  // namespace cleanmail::scanner::spam
