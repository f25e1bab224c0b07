#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scanner/analyzers/spam/rules/configuration.h"

namespace cleanmail::scanner::spam {

// The rule files of folders, in the order they are read: first every folder's `*.pre`, then folder
// by folder its `*.cf`, each sorted by name. NotFound: a folder is not there; InvalidArgument:
// there are more or larger files than is reasonable.
absl::StatusOr<std::vector<RuleFile>> LoadRuleFolders(const std::vector<std::string>& folders);

// What LoadRuleFolders gives, read; `include` lines find files of the same folders only.
Configuration ReadRuleFiles(const std::vector<RuleFile>& files);

}  // namespace cleanmail::scanner::spam
