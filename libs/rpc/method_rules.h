#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace cleanmail::rpc {

// What a method's proto says about who may call it from another process.
struct MethodRule {
  bool for_people = false;           // called on behalf of people, never for oneself
  std::vector<std::string> callers;  // rooms; "*": every room
  bool Allows(const std::vector<std::string>& rooms) const;
};

// The rules of all methods this program knows, read from their protos when they are first asked
// for. Thread-safe.
class MethodRules {
 public:
  // Of `/package.Service/Method`; nullopt: not a method of ours.
  std::optional<MethodRule> Of(std::string_view method);

 private:
  absl::Mutex mutex_;
  std::map<std::string, MethodRule, std::less<>> known_ ABSL_GUARDED_BY(mutex_);
};

// gRPC's service config for a channel to `service` (`package.Service`) of `room`: calls go in turn
// to all addresses that say the room is serving; a method whose proto says it may be repeated
// (idempotency_level) is tried again when nobody was there. No other is.
std::string ServiceConfigOf(std::string_view service, std::string_view room);

}  // namespace cleanmail::rpc
