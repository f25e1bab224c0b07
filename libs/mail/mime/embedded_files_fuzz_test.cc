#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/embedded_files.h"

// Files hold no more than the text could; there are no more than asked for.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto files = FindEmbeddedFiles(text, 3);
  if (files.size() > 3) std::abort();
  for (const EmbeddedFile& file : files) {
    if (file.bytes.empty() || file.bytes.size() > size * 64) std::abort();
  }
  return 0;
}
