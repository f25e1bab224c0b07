#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "services/policy/evaluation.h"
#include "services/policy/history/store.h"

namespace cleanmail::policy::history {

// Judges the mail of the last days again by a changed policy and says what would differ. Thread-safe.
class DryRuns {
 public:
  DryRuns(Store& store, const Evaluation& evaluation, const base::Clock& clock,
          base::Random& random)
      : store_(store), evaluation_(evaluation), clock_(clock), random_(random) {}

  // Writes it down; RunWaiting does it. `policy` carries its name. InvalidArgument naming the field;
  // ResourceExhausted with 5 of the tenant unfinished.
  absl::StatusOr<v1::DryRun> Start(std::string_view tenant, const v1::Policy& policy, int32_t days,
                                   std::string_view author);
  absl::StatusOr<v1::DryRun> Get(std::string_view tenant, std::string_view id) {
    return store_.GetDryRun(tenant, id);
  }
  absl::StatusOr<std::vector<v1::DryRun>> List(std::string_view tenant, std::string_view before,
                                               int64_t limit) {
    return store_.ListDryRuns(tenant, before, limit);
  }
  // Does the dry runs that wait, one after another; called by a timer. One that a lost instance had
  // in hand is begun again.
  absl::Status RunWaiting();

 private:
  absl::Status Run(DryRunRow& row);

  Store& store_;
  const Evaluation& evaluation_;
  const base::Clock& clock_;
  base::Random& random_;
};

// What becomes of a group, in two or three words: "hold spam".
std::string FateOf(const mail::v1::RecipientGroup& group);

}  // namespace cleanmail::policy::history
