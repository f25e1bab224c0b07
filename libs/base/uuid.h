#pragma once

#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/random.h"

namespace cleanmail::base {

// A new UUIDv7 (RFC 9562 §5.7) in canonical text, 36 lower-case characters: ids of later
// milliseconds sort later. Thread-safe.
std::string NewUuid(const Clock& clock, Random& random);

// Whether `text` is a UUID in canonical lower-case text.
bool IsUuid(std::string_view text);

}  // namespace cleanmail::base
