#include "libs/mail/auth/spf/address.h"

#include <algorithm>

#include <arpa/inet.h>

#include "libs/base/cat.h"

namespace cleanmail::mail::auth::spf {

std::optional<Address> Address::Parse(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != copy.npos) return std::nullopt;
  Address address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) != 1) return std::nullopt;
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (!std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  Address mapped;
  std::copy_n(address.bytes.begin() + 12, 4, mapped.bytes.begin());
  return mapped;
}

bool Address::IsIn(const Address& network, int prefix) const {
  if (v6 != network.v6) return false;
  const size_t whole = static_cast<size_t>(prefix) / 8;
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<long>(whole), network.bytes.begin()))
    return false;
  if (prefix % 8 == 0) return true;
  const int shift = 8 - prefix % 8;
  return bytes[whole] >> shift == network.bytes[whole] >> shift;
}

std::string Address::ToText() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

namespace {

std::string Nibbles(const std::array<uint8_t, 16>& bytes, bool reverse) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string digits;
  for (const uint8_t byte : bytes) {
    digits += kHex[byte >> 4];
    digits += kHex[byte & 15];
  }
  if (reverse) std::reverse(digits.begin(), digits.end());
  std::string dotted;
  for (const char digit : digits) {
    if (!dotted.empty()) dotted += '.';
    dotted += digit;
  }
  return dotted;
}

}  // namespace

std::string Address::ToDotted() const { return v6 ? Nibbles(bytes, false) : ToText(); }

std::string Address::ToReverseName() const {
  if (v6) return Nibbles(bytes, true) + ".ip6.arpa";
  return base::Cat(int{bytes[3]}, ".", int{bytes[2]}, ".", int{bytes[1]}, ".", int{bytes[0]},
                   ".in-addr.arpa");
}

}  // namespace cleanmail::mail::auth::spf
