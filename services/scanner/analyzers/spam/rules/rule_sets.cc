#include "services/scanner/analyzers/spam/rules/rule_sets.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "services/scanner/analyzers/spam/rules/rule_folders.h"

namespace cleanmail::scanner::spam {
namespace {

std::string DigestOf(const std::vector<RuleFile>& files) {
  std::string all;
  // Not where they lie: that differs from machine to machine.
  for (const RuleFile& file : files) {
    const std::string name = std::filesystem::path(file.name).filename().string();
    all += base::Cat(name, "\n", file.text.size(), "\n", file.text);
  }
  return crypto::Sha256Hex(all);
}

}  // namespace

absl::Status RuleSets::Load() {
  const absl::MutexLock loading(&loading_);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<RuleFile> files, LoadRuleFolders(folders_));
  const std::string digest = DigestOf(files);
  if (const std::optional<Version> now = present(); now && now->digest == digest)
    return absl::OkStatus();
  std::shared_ptr<const RuleSet> rules = RuleSet::Build(ReadRuleFiles(files), options_);
  const std::vector<RuleStatus> status = rules->Status();
  if (std::none_of(status.begin(), status.end(),
                   [](const RuleStatus& rule) { return rule.active; }))
    return absl::InvalidArgumentError("there is no rule in the folders that would run");
  const absl::MutexLock lock(&mutex_);
  previous_ = std::exchange(
      present_, Version{++last_number_, clock_.Now(), digest, files.size(), std::move(rules)});
  return absl::OkStatus();
}

absl::Status RuleSets::GoBack() {
  const absl::MutexLock lock(&mutex_);
  if (!previous_) return absl::FailedPreconditionError("there are no earlier rules to go back to");
  std::swap(present_, previous_);
  present_->number = ++last_number_;
  present_->since = clock_.Now();
  return absl::OkStatus();
}

std::shared_ptr<const RuleSet> RuleSets::rules() const {
  const absl::MutexLock lock(&mutex_);
  return present_ ? present_->rules : nullptr;
}

std::optional<RuleSets::Version> RuleSets::present() const {
  const absl::MutexLock lock(&mutex_);
  return present_;
}

std::optional<RuleSets::Version> RuleSets::previous() const {
  const absl::MutexLock lock(&mutex_);
  return previous_;
}

}  // namespace cleanmail::scanner::spam
