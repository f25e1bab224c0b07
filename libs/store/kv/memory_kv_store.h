#pragma once

#include <cstddef>
#include <memory>

#include "libs/base/clock.h"
#include "libs/store/kv/kv_store.h"

namespace cleanmail::kv {

// A store in this process's memory. Holds at most `max_entries`: what is over goes first, then what
// was used longest ago.
std::unique_ptr<KvStore> MakeMemoryKvStore(const base::Clock& clock, size_t max_entries);

}  // namespace cleanmail::kv
