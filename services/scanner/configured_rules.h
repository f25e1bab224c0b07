#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/app/environment.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"

namespace cleanmail::scanner {

// The rules of the folders named, or of Debian's that are there, loaded; null without any. Takes
// seconds. The status names the setting that is wrong.
absl::StatusOr<std::unique_ptr<spam::RuleSets>> MakeRuleSets(app::Environment& env,
                                                             const v1::SpamRules& settings);

}  // namespace cleanmail::scanner
