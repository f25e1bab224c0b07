#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "libs/base/json.h"

namespace cleanmail::portal {

// Puts a JSON object into `message` by the proto3 JSON mapping, strictly: names in camelCase,
// types as written there (64-bit integers as numbers or strings), enums by name. Fields the gateway
// sets itself (BEHAVIOR_OUTPUT_ONLY) are skipped, `etag` excepted. InvalidArgument with the field's
// path (rpc::FieldOf) says what is wrong; `prefix` stands before paths.
absl::Status FromJson(const base::Json& json, std::string_view prefix,
                      google::protobuf::Message& message);

// The same for one value of a query, which is text: numbers and truth are read from it; a repeated
// field takes several values.
absl::Status FromText(const google::protobuf::FieldDescriptor& field, std::string_view text,
                      google::protobuf::Message& message);

// InvalidArgument for the first field marked BEHAVIOR_REQUIRED that is empty in `message` or in a
// message inside it.
absl::Status CheckRequired(const google::protobuf::Message& message, std::string_view prefix);

// Proto paths of what a JSON object of a message says: what a PATCH without a mask changes.
std::vector<std::string> PathsOf(const base::Json& json, const google::protobuf::Descriptor& type);

// Sets the string a dotted path names; refused when a different one stands there already.
absl::Status SetByPath(std::string_view path, const std::string& value,
                       google::protobuf::Message& message);

}  // namespace cleanmail::portal
