#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/http/message.h"
#include "services/portal/http/contracts.h"

namespace cleanmail::portal {

using PathValues = std::vector<std::pair<std::string, std::string>>;

// The request message of a route, made of path, query, body and If-Match. InvalidArgument with the
// field's path says what is wrong.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ToRequest(const Contracts& contracts,
                                                                     const Route& route,
                                                                     const PathValues& values,
                                                                     const http::Request& asked);

// The answer: JSON, with the resource's ETag; or the file of a cleanmail.api.v1.Download.
http::Response ToAnswer(const Contracts& contracts, const google::protobuf::Message& message,
                        const http::Request& asked);

// A name that may stand in a Content-Disposition: letters, digits, dot, hyphen, underscore; never
// hidden, never empty.
std::string SafeFileName(std::string_view name);

}  // namespace cleanmail::portal
