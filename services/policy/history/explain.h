#pragma once

#include <functional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "proto/cleanmail/policy/v1/judged.pb.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"
#include "services/policy/rules/rule_set.h"

namespace cleanmail::policy::history {

// Gives the version of a policy a decision was made by, compiled; an error where it is gone.
using VersionReader = absl::FunctionRef<absl::StatusOr<std::shared_ptr<const RuleSet>>(
    std::string_view policy, int64_t version)>;

// Why a message went where it went: what was decided then, and which rules of that version were
// looked at. `time_zone` is the tenant's.
v1::Explanation Explain(const v1::Judged& judged, std::string_view time_zone,
                        VersionReader version);

}  // namespace cleanmail::policy::history
