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
  const auto rules = RuleSet::Build(std::move(configuration), {});
  rules->Status();
  rules->Judge("From: a@b.org\r\nSubject: x\r\n\r\nhttp://c.org/ text\r\n", {});
  return 0;
}
