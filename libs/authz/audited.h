#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace cleanmail::authz {

// A resource as the audit trail keeps it: JSON, what a caller may write but never read
// (BEHAVIOR_INPUT_ONLY) masked, at most 64 KiB (a larger one is only said to be). Empty for
// nullptr.
std::string AuditedJson(const google::protobuf::Message* resource);

}  // namespace cleanmail::authz
