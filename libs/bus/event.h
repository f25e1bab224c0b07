#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace cleanmail::bus {

// An event as a kind of bus holds it in memory.
struct Event {
  int64_t position = 0;
  int64_t time_us = 0;  // when it was published, microseconds since 1970
  bool tombstone = false;
  bool damaged = false;  // could not be decoded: `payload` is what is kept, the rest is empty
  std::string key = {};
  std::string payload = {};
  std::string trace = {};
  size_t key_hash = 0;
};
using EventRef = std::shared_ptr<const Event>;  // shared by a bus and every reader that has not
                                                // finished with it

}  // namespace cleanmail::bus
