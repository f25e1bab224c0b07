#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/directory/directory.h"

namespace cleanmail::policy {

// Whose rules apply to an address, as the directory has it.
struct Standing {
  std::string account;  // primary address, lower case; the address itself where none is known
  std::string domain;
  std::vector<directory::Assignment> policies;  // the narrowest first
  bool monitor_only = false;
};

// The directory's answer for an address of the tenant (in Lower form): a recipient, or the sender
// of outgoing mail. An address of another tenant, or of nobody, stands under the tenant alone.
Standing StandingOf(const directory::Directory& directory, std::string_view tenant,
                    std::string_view address);

}  // namespace cleanmail::policy
