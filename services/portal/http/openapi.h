#pragma once

#include <string>

#include "services/portal/http/contracts.h"

namespace cleanmail::portal {

// The OpenAPI 3.1 document of the contracts: every route, every message it names, with the
// comments of the protos.
std::string OpenApi(const Contracts& contracts);

}  // namespace cleanmail::portal
