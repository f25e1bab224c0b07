#include "libs/dns/list_name.h"

#include "libs/base/cat.h"

namespace cleanmail::dns {

std::string ListName(const net::IpAddress& address, std::string_view zone) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto& bytes = address.bytes();
  std::string name;
  for (size_t i = bytes.size(); i > (address.is_v4() ? 12u : 0u); --i) {
    const uint8_t byte = bytes[i - 1];
    if (address.is_v4()) {
      name += base::Cat(static_cast<int>(byte), ".");
    } else {
      name += {kHex[byte & 0xF], '.', kHex[byte >> 4], '.'};
    }
  }
  name += zone;
  return name;
}

}  // namespace cleanmail::dns
