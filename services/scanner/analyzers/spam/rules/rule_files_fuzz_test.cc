#include <cstddef>
#include <cstdint>

#include "services/scanner/analyzers/spam/rules/rule_folders.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

// Whatever a rule file holds, it is read; small ones are compiled and judge a message too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner::spam;
  Configuration configuration =
      ReadRuleFiles({{"fuzz.cf", std::string(reinterpret_cast<const char*>(data), size)}});
  if (configuration.rules.size() > 8 || size > 2000) return 0;
  RuleSetOptions options;
  options.network = true;
  const auto rules = RuleSet::Build(std::move(configuration), options);
  rules->Status();
  const MailView mail = rules->Read("From: a@b.org\r\nSubject: x\r\n\r\nhttp://c.org/ text\r\n");
  cleanmail::mail::auth::Lookups lookups(20);
  MessageKnowledge knowledge;
  knowledge.lookups = &lookups;
  rules->AskLists(mail, knowledge);
  for (const auto& question : lookups.TakeWanted()) {
    lookups.Tell(question, cleanmail::dns::Answer{
                               .addresses = {"127.0.0.2"}, .texts = {"x"}, .names = {"n.org"}});
  }
  rules->Judge(mail, knowledge);
  return 0;
}
