#include <cstddef>
#include <cstdint>

#include "libs/base/status_macros.h"
#include "libs/store/blob/s3_listing.h"
#include "libs/store/blob/s3_names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto answer = cleanmail::blob::ParseS3Answer({reinterpret_cast<const char*>(data), size});
  if (!answer.ok()) return 0;
  for (const std::string& key : answer->keys) {
    const auto body = cleanmail::blob::ParseBodyKey(key);
    if (body.has_value())
      CLEANMAIL_CHECK(key.starts_with(cleanmail::blob::kBodies), "a body stands among bodies");
    (void)cleanmail::blob::ParseExtensionKey(key);
  }
  return 0;
}
