#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::mail::auth::spf {

// An IP address as SPF compares it. An IPv4 address mapped into IPv6 is that IPv4 address (RFC 7208
// §5).
struct Address {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};  // v4: the first four

  static std::optional<Address> Parse(std::string_view text);

  // Whether the first `prefix` bits are the same; never across families.
  bool IsIn(const Address& network, int prefix) const;
  // 192.0.2.1 / 2001:db8::1
  std::string ToText() const;
  // %{i} (RFC 7208 §7.3): 192.0.2.1 / 2.0.0.1.0.D.B.8. ...
  std::string ToDotted() const;
  // 1.2.0.192.in-addr.arpa / ....ip6.arpa
  std::string ToReverseName() const;
  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace cleanmail::mail::auth::spf
