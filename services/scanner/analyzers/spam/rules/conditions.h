#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::scanner::spam {

// What `if` and `ifplugin` lines ask about.
struct ConditionFacts {
  std::set<std::string> plugins;  // short names
  bool compatible_names = false;  // enable_compat welcomelist_blocklist
  bool network = false;
};

// Whether the condition behind `if` holds. InvalidArgument: it is none.
absl::StatusOr<bool> Holds(std::string_view condition, const ConditionFacts& facts);

// "Mail::SpamAssassin::Plugin::FreeMail" as "FreeMail".
std::string ShortPluginName(std::string_view name);

}  // namespace cleanmail::scanner::spam
