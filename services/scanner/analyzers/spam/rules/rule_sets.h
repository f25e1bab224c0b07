#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

// The rules in use and those before them. Changing them disturbs nobody: a message that is being
// judged keeps the set it began with. Thread-safe.
class RuleSets {
 public:
  struct Version {
    int number = 0;  // counts up with every change, going back included
    absl::Time since;
    std::string digest;  // of the files: equal rules have equal ones
    size_t files = 0;
    std::shared_ptr<const RuleSet> rules;
  };

  RuleSets(std::vector<std::string> folders, RuleSetOptions options, const base::Clock& clock)
      : folders_(std::move(folders)), options_(std::move(options)), clock_(clock) {}

  // Reads the folders and puts their rules into use; takes seconds. Does nothing when the files are
  // those in use. On an error, or when no rule would run, the rules in use stay.
  absl::Status Load();
  // Puts the rules before the present ones into use, at once. FailedPrecondition: there are none.
  absl::Status GoBack();

  // nullptr before the first Load.
  std::shared_ptr<const RuleSet> rules() const;
  std::optional<Version> present() const;
  std::optional<Version> previous() const;

 private:
  const std::vector<std::string> folders_;
  const RuleSetOptions options_;
  const base::Clock& clock_;
  absl::Mutex loading_;  // one at a time
  mutable absl::Mutex mutex_;
  int last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Version> present_ ABSL_GUARDED_BY(mutex_);
  std::optional<Version> previous_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::scanner::spam
