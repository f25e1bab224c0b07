#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "libs/net/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto header = cleanmail::net::ParseProxyHeader(bytes);
  if (header.ok() && header->has_value()) {
    if ((*header)->length > size || (*header)->length == 0) std::abort();
    // A header does not depend on what follows it.
    const auto alone = cleanmail::net::ParseProxyHeader(bytes.substr(0, (*header)->length));
    if (!alone.ok() || !alone->has_value() || (*alone)->length != (*header)->length) std::abort();
  }
  return 0;
}
