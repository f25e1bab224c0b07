#pragma once

#include "proto/cleanmail/policy/v1/rules.pb.h"

namespace cleanmail::policy {

// What leads from one version of a policy to another, in words and values; empty when they judge
// alike.
v1::PolicyDifference Difference(const v1::Policy& before, const v1::Policy& after);

}  // namespace cleanmail::policy
