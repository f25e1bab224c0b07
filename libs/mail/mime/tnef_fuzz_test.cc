#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/tnef.h"

// What is taken out stays within the limits.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Tnef tnef = ReadTnef(bytes, {.files = 5, .bytes = 1000});
  if (tnef.files.size() > 5) std::abort();
  size_t total = tnef.text.size() + tnef.html.size() + tnef.rtf.size();
  for (const Tnef::File& file : tnef.files) total += file.bytes.size();
  if (total > 1000) std::abort();
  if (DecompressRtf(bytes, 5000).size() > 5000) std::abort();
  ReadTnef(bytes);
  return 0;
}
