#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/parameters.h"

// Whatever is read is well-formed UTF-8 and bounded.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Parameters parsed = ParseParameters(text);
  if (parsed.list.size() > 100 || RepairUtf8(parsed.value) != parsed.value) std::abort();
  for (const auto& [name, value] : parsed.list) {
    if (RepairUtf8(name) != name || RepairUtf8(value) != value) std::abort();
  }
  return 0;
}
