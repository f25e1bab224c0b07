#pragma once

#include <string>
#include <string_view>

#include "libs/base/random.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::blob {

// The key one body is sealed under: it depends on the tenant's key, the name and the body's own
// salt.
std::string BodyKey(std::string_view tenant_key, const BlobName& name, std::string_view salt);

std::string NewSalt(base::Random& random);

}  // namespace cleanmail::blob
