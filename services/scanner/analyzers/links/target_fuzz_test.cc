#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/analyzers/links/tricks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = ReadTarget(text);
  if (target.has_value()) {
    if (target->host.empty() && target->scheme == "http") std::abort();
    (void)FindTricks(*target);
  }
  (void)ShownHost(text);
  (void)LooksLikeAnother(text.substr(0, 500));
  return 0;
}
