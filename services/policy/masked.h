#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"

namespace cleanmail::policy {

// `current` with the fields of `given` that `mask` names (AIP-134): none named: those that are set;
// `*`: all. Repeated fields are replaced. InvalidArgument, beginning with `update_mask`, for a path
// that is no field.
absl::Status Overlay(const google::protobuf::FieldMask& mask,
                     const google::protobuf::Message& given, google::protobuf::Message& current);

template <class T>
absl::StatusOr<T> Masked(T current, const T& given, const google::protobuf::FieldMask& mask) {
  const absl::Status status = Overlay(mask, given, current);
  if (!status.ok()) return status;
  return current;
}

// Aborted with the reason ETAG_MISMATCH unless `given` is empty or `current`.
absl::Status CheckEtag(std::string_view given, std::string_view current);

}  // namespace cleanmail::policy
