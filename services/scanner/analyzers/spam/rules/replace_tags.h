#pragma once

#include <string>
#include <string_view>

#include "services/scanner/analyzers/spam/rules/configuration.h"

namespace cleanmail::scanner::spam {

// `pattern` with its tags (`<A>`) replaced, several passes deep. Bounded in length.
std::string WithTagsReplaced(std::string_view pattern, const Replacements& replacements);

}  // namespace cleanmail::scanner::spam
