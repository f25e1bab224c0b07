#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::net {

// An IPv4 or IPv6 address. IPv4 is kept in its IPv6-mapped form (RFC 4291 §2.5.5.2), so that
// `::ffff:192.0.2.1` and `192.0.2.1` are one address. A value.
class IpAddress {
 public:
  // The unspecified address `::`.
  IpAddress() = default;
  explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}

  // From text, without port, zone or brackets. InvalidArgument otherwise.
  static absl::StatusOr<IpAddress> Parse(std::string_view text);
  static IpAddress V4(uint32_t host_order);

  bool is_v4() const;
  // Whether it is of this machine, a private network or otherwise not of the public Internet (RFC
  // 6890 and successors).
  bool IsPrivate() const;
  // `192.0.2.1`, `2001:db8::1` (RFC 5952).
  std::string ToString() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // The first `bits` of the 128; the rest zero.
  IpAddress Masked(int bits) const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <class H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

// An address and a port.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // `192.0.2.1:25`, `[2001:db8::1]:25`. InvalidArgument otherwise.
  static absl::StatusOr<Endpoint> Parse(std::string_view text);
  std::string ToString() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace cleanmail::net
