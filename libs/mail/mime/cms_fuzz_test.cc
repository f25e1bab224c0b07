#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/cms.h"

// Only something signed has a content, never more than came.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cleanmail::mail::mime::Cms;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Cms cms = cleanmail::mail::mime::ReadCms(bytes);
  if (cms.content.size() > size) std::abort();
  if (!cms.content.empty() && cms.kind != Cms::Kind::kSigned) std::abort();
  return 0;
}
