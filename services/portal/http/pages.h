#pragma once

#include <optional>
#include <string_view>

#include "libs/http/message.h"

namespace cleanmail::portal {

// The portal's own pages, for which nobody need sign in: `/`, `/docs` and what it is made of,
// `/problems/{reason}`, `/refusals` and `/refusals/{code}`.
std::optional<http::Response> PageAt(std::string_view path);

// `/package.Service/Method` of the room whose file (cleanmail.api.v1.Download) stands at that path,
// likewise for everybody; empty: none.
std::string_view PublicFileAt(std::string_view path);

}  // namespace cleanmail::portal
