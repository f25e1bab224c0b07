// What rules want to know of lists in the DNS before a message is judged.
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

void RuleSet::AskLists(const MailView& mail, const MessageKnowledge& knowledge) const {
  // Relays and senders first, links behind: these may be many, and what a message may ask is
  // bounded.
  for (const bool about_links : {false, true}) {
    for (const unsigned index : others_) {
      const Rule& rule = rules_[index];
      if (rule.function == nullptr || rule.function->need != EvalNeed::kLists ||
          (rule.function->name == "check_uridnsbl") != about_links)
        continue;
      (void)rule.function->run({.rule = rule.name,
                                .mail = mail,
                                .configuration = configuration_,
                                .knowledge = knowledge,
                                .arguments = rule.arguments,
                                .pattern = rule.pattern ? &*rule.pattern : nullptr});
    }
  }
}

}  // namespace cleanmail::scanner::spam
