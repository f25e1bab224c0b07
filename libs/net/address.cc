#include "libs/net/address.h"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "absl/status/status.h"
#include "libs/base/cat.h"

namespace cleanmail::net {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Range {
  uint32_t base;
  int bits;
};

// RFC 6890's IPv4 networks that are not of the public Internet, and multicast.
constexpr Range kPrivateV4[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
    {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
};

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);  // inet_pton wants a final NUL
  std::array<uint8_t, 16> bytes{};
  if (copy.size() == text.size() && copy.find('\0') == std::string::npos) {
    if (copy.find(':') != std::string::npos) {
      if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return IpAddress(bytes);
    } else {
      std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
      if (inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) == 1) return IpAddress(bytes);
    }
  }
  return absl::InvalidArgumentError(base::Cat("\"", text.substr(0, 64), "\" is not an IP address"));
}

IpAddress IpAddress::V4(uint32_t host_order) {
  std::array<uint8_t, 16> bytes{};
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  for (int i = 0; i < 4; ++i) bytes[12 + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return IpAddress(bytes);
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes_.data(), kMapped.data(), kMapped.size()) == 0;
}

bool IpAddress::IsPrivate() const {
  if (is_v4()) {
    for (const Range& range : kPrivateV4) {
      if (V4(range.base) == Masked(96 + range.bits)) return true;
    }
    return false;
  }
  // Outside 2000::/3 nothing is global unicast; inside, documentation, Teredo, benchmarking and
  // ORCHID.
  if ((bytes_[0] & 0xe0) != 0x20) return true;
  const uint32_t first = (uint32_t{bytes_[0]} << 24) | (uint32_t{bytes_[1]} << 16) |
                         (uint32_t{bytes_[2]} << 8) | bytes_[3];
  if (bytes_[0] == 0x20 &&
      bytes_[1] == 0x02) {  // 6to4 carries an IPv4 address: it is what that address is
    return V4((uint32_t{bytes_[2]} << 24) | (uint32_t{bytes_[3]} << 16) |
              (uint32_t{bytes_[4]} << 8) | bytes_[5])
        .IsPrivate();
  }
  return first == 0x20010db8 || (first >> 9) == (0x20010000 >> 9);  // 2001:db8::/32, 2001::/23
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes_.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

IpAddress IpAddress::Masked(int bits) const {
  std::array<uint8_t, 16> bytes{};
  const int whole = bits / 8;
  std::copy_n(bytes_.begin(), whole, bytes.begin());
  if (bits % 8 != 0) bytes[whole] = bytes_[whole] & static_cast<uint8_t>(0xff << (8 - bits % 8));
  return IpAddress(bytes);
}

absl::StatusOr<Endpoint> Endpoint::Parse(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return absl::InvalidArgumentError(base::Cat(
        "\"", text.substr(0, 64), "\" is not `address:port` or `[v6 address]:port`: ", why));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("there is no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos))
    return wrong("an IPv6 address, and only that, stands in brackets");
  Endpoint endpoint;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (error != std::errc() || end != digits.data() + digits.size())
    return wrong("the port is not a number from 0 to 65535");
  absl::StatusOr<IpAddress> address = IpAddress::Parse(host);
  if (!address.ok()) return wrong("the address is not one");
  endpoint.address = *address;
  return endpoint;
}

std::string Endpoint::ToString() const {
  return address.is_v4() ? base::Cat(address.ToString(), ":", port)
                         : base::Cat("[", address.ToString(), "]:", port);
}

}  // namespace cleanmail::net
