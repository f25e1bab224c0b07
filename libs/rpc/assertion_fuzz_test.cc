#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/time/clock.h"
#include "libs/rpc/assertion.h"

// Bytes of an assertion are read, and believed by nobody, whatever they are.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (cleanmail::rpc::CheckAssertion("", text, "/a/B", absl::Now()).ok()) __builtin_trap();
  if (cleanmail::rpc::ReadAssertion(text).role == cleanmail::rpc::Role::kService) __builtin_trap();
  return 0;
}
