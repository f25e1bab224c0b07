#pragma once

#include <vector>

#include "libs/dns/resolver.h"

namespace cleanmail::dns {

// Asks all questions at the same time and calls back once, with the answers in their order, when
// the last has come; on the thread that brought it, perhaps before AskAll returns. Thread-safe.
void AskAll(Resolver& resolver, const std::vector<Question>& questions, absl::Time deadline,
            absl::AnyInvocable<void(std::vector<absl::StatusOr<Answer>>) &&> done);

}  // namespace cleanmail::dns
