#include <cstdint>
#include <cstdlib>

#include "services/scanner/analyzers/appearance/signs.h"

// Whatever comes is read, and a sum that is found stands in the text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)Shouts(text);
  (void)IsPadded(text);
  (void)HasPictures(text);
  (void)HasRawBytes(text);
  (void)IsRandomName(text);
  const auto sum = LargeSum(text);
  if (sum.has_value() &&
      (sum->data() < text.data() || sum->data() + sum->size() > text.data() + size))
    std::abort();
  return 0;
}
