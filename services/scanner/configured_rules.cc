#include "services/scanner/configured_rules.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"

namespace cleanmail::scanner {

absl::StatusOr<std::unique_ptr<spam::RuleSets>> MakeRuleSets(const v1::SpamRules& settings,
                                                             RuleSetsParts parts) {
  if (settings.off()) return nullptr;
  std::vector<std::string> folders(settings.folders().begin(), settings.folders().end());
  if (folders.empty()) {
    std::error_code error;
    for (const char* folder : {"/usr/share/spamassassin", "/etc/spamassassin"}) {
      if (std::filesystem::is_directory(folder, error)) folders.emplace_back(folder);
    }
    if (folders.empty()) return nullptr;
  }
  spam::RuleSetOptions options;
  options.authentication = parts.authentication;
  const auto& trusted = settings.trusted_networks();
  const auto& internal = settings.internal_networks();
  options.trusted_networks.assign(trusted.begin(), trusted.end());
  options.internal_networks.assign(internal.begin(), internal.end());
  options.time = absl::ToChronoMilliseconds(
      config::OrDefault(settings.time(), absl::FromChrono(options.time)));
  auto sets = std::make_unique<spam::RuleSets>(std::move(folders), std::move(options), parts.clock);
  if (const absl::Status loaded = sets->Load(); !loaded.ok())
    return base::Annotate(loaded, "scanner.spam_rules.folders");
  if (parts.log == nullptr) return sets;
  const std::vector<spam::RuleStatus> status = sets->rules()->Status();
  const auto active = std::count_if(status.begin(), status.end(),
                                    [](const spam::RuleStatus& rule) { return rule.active; });
  parts.log->Info("scanner.rules.loaded", {{"active", base::Cat(active)},
                                           {"all", base::Cat(status.size())},
                                           {"digest", sets->present()->digest}});
  return sets;
}

}  // namespace cleanmail::scanner
