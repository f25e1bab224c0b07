#include "libs/base/json.h"
#include "libs/base/status_macros.h"

// What is taken is printed and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = cleanmail::base::ParseJson(text);
  if (!json.ok()) return 0;
  const std::string printed = json->Print();
  const auto again = cleanmail::base::ParseJson(printed);
  CLEANMAIL_CHECK(again.ok() && again->Print() == printed, "printed JSON is JSON");
  CLEANMAIL_CHECK(cleanmail::base::IsUtf8(printed), "printed JSON is UTF-8");
  return 0;
}
