#pragma once

#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/rules/rule_set.h"
#include "services/policy/rules/subject.h"

namespace cleanmail::policy {

// Adds to `outcome` how the tenant has inbound newsletters marked, and to its reason what that does
// to the signatures the message came with. Nothing for other mail, or for what is thrown away.
void MarkNewsletter(const Subject& subject, const v1::PolicySettings& settings,
                    std::string_view policy, Outcome& outcome);

}  // namespace cleanmail::policy
