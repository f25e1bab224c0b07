#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/structure.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Structure structure = Inspect(text, {.parts = 50, .depth = 10, .header_bytes = 1000});
  if (structure.parts > 50 || structure.depth > 10) std::abort();
  (void)ParseContentType(text);
  return 0;
}
