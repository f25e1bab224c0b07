// An import as a stranger could send it.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "libs/base/status_macros.h"
#include "services/policy/import_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto lines =
      cleanmail::policy::ReadImport(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lines.ok()) return 0;
  int before = 0;
  for (const auto& line : *lines) {
    CLEANMAIL_CHECK(line.number > before, "lines are in order");
    before = line.number;
  }
  return 0;
}
