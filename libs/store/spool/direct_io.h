#pragma once

#include <string>

namespace cleanmail::spool {

// Whether files in `folder`, which must exist, can be written past the page cache. Some file
// systems refuse it (tmpfs, some network ones).
bool TakesDirectIo(const std::string& folder);

}  // namespace cleanmail::spool
