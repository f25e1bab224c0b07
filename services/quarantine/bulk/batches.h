#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "services/quarantine/bulk/store.h"
#include "services/quarantine/holds.h"
#include "services/quarantine/store.h"

namespace cleanmail::quarantine {

// What of a tenant's holds a caller may see; every tenant's when `tenant` is empty.
Scope ScopeFor(const authz::Authorizer& authz, const rpc::Caller& caller, std::string_view tenant);

// Work on many holds: counted at once, done in steps, on behalf of whoever asked; it survives a
// restart. What comes after it was asked for is left alone. Thread-safe; Continue by one timer.
class Batches {
 public:
  Batches(Holds& holds, Store& store, BatchStore& batches, authz::Authorizer& authz,
          base::Clock& clock, base::Random& random)
      : holds_(holds),
        store_(store),
        batches_(batches),
        authz_(authz),
        clock_(clock),
        random_(random) {}

  struct Wish {
    v1::HoldBatch::Action action = v1::HoldBatch::ACTION_RELEASE;
    std::string tenant;
    std::string filter;  // of an erasure: the address
    bool accept_risk = false;
  };
  // What Start would do: how many recipients, and some of the holds. InvalidArgument for a filter.
  struct Preview {
    int64_t total = 0;
    std::vector<HoldRow> examples;
  };
  absl::StatusOr<Preview> Look(const rpc::Caller& caller, const Wish& wish, int32_t examples);
  absl::StatusOr<BatchRow> Start(const rpc::Caller& caller, const Wish& wish);
  // Does what is to be done, for at most about `time`.
  absl::Status Continue(absl::Duration time);

 private:
  using Recipients = std::vector<std::pair<std::string, std::string>>;
  absl::StatusOr<HoldQuery> QueryOf(const rpc::Caller& caller, const Wish& wish);
  absl::Status Step(BatchRow& batch);
  absl::Status Do(const rpc::Caller& caller, const Recipients& recipients, BatchRow& batch);
  absl::Status Erase(const Recipients& recipients, const std::string& address);

  Holds& holds_;
  Store& store_;
  BatchStore& batches_;
  authz::Authorizer& authz_;
  base::Clock& clock_;
  base::Random& random_;
};

}  // namespace cleanmail::quarantine
