#pragma once

#include <concepts>
#include <type_traits>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

// Settings left out, or zero, mean their default; the default stands beside its use.
namespace cleanmail::config {

inline absl::Duration OrDefault(const google::protobuf::Duration& set, absl::Duration otherwise) {
  const absl::Duration duration = absl::Seconds(set.seconds()) + absl::Nanoseconds(set.nanos());
  return duration > absl::ZeroDuration() ? duration : otherwise;
}

template <std::integral Number>
Number OrDefault(Number set, std::type_identity_t<Number> otherwise) {
  return set > 0 ? set : otherwise;
}

}  // namespace cleanmail::config
