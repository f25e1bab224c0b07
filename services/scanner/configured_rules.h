#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"

namespace cleanmail::scanner {

// What rules are loaded with beside the settings.
struct RuleSetsParts {
  const base::Clock& clock;
  telemetry::Log* log = nullptr;  // null: nobody is told
  bool authentication = false;    // who sent a message is known when it is judged
};

// The rules of the folders named, or of Debian's that are there, loaded; null without any and where
// they are off. Takes a second or two. The status names the setting that is wrong.
absl::StatusOr<std::unique_ptr<spam::RuleSets>> MakeRuleSets(const v1::SpamRules& settings,
                                                             RuleSetsParts parts);

}  // namespace cleanmail::scanner
