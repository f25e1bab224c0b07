#pragma once

#include <memory>
#include <string>

namespace rocksdb {
class Logger;
}  // namespace rocksdb

namespace cleanmail::spool {

// RocksDB's warnings and errors, appended to `folder`/LOG, one line each; begun anew once it is
// large. What cannot be written is left out. RocksDB's own logger ends the process (an assertion,
// in Debian's build) when it writes again after a write of its own has failed, as on a disk that
// was full or read-only for a while.
std::shared_ptr<rocksdb::Logger> OpenInfoLog(const std::string& folder);

}  // namespace cleanmail::spool
