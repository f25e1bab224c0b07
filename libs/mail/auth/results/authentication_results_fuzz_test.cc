#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/auth/results/authentication_results.h"

// What is read can be written, and is then read as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::auth::results;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)AuthservIdOf(text);
  const auto read = Parse(text);
  if (!read.ok()) return 0;
  const auto again = Parse(ToFieldValue(*read));
  if (!again.ok() || again->results.size() != read->results.size()) std::abort();
  return 0;
}
