#include "libs/net/destination_policy.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::net {
namespace {

constexpr std::array<uint16_t, 4> kMailPorts = {25, 465, 587, 2525};
constexpr uint16_t kFirstFreePort = 1024;

// The IPv4 address another form carries inside (NAT64, RFC 6052 §2.1; 6to4, RFC 3056): a way round
// a check that looks at the outside only.
IpAddress Inner(const IpAddress& address) {
  const auto& bytes = address.bytes();
  const auto v4_at = [&](size_t i) {
    return IpAddress::V4((uint32_t{bytes[i]} << 24) | (uint32_t{bytes[i + 1]} << 16) |
                         (uint32_t{bytes[i + 2]} << 8) | bytes[i + 3]);
  };
  constexpr std::array<uint8_t, 12> kNat64 = {0x00, 0x64, 0xff, 0x9b};
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) return v4_at(12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return v4_at(2);
  // The deprecated form ::192.0.2.1 (RFC 4291 §2.5.5.1).
  if (std::all_of(bytes.begin(), bytes.begin() + 12, [](uint8_t b) { return b == 0; }) &&
      (bytes[12] != 0))
    return v4_at(12);
  return address;
}

bool IsLoopback(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.begin() + 15, [](uint8_t b) { return b == 0; }) &&
         bytes[15] == 1;
}

// `this network` (0.0.0.0/8, ::), 169.254.0.0/16, fe80::/10, multicast, 255.255.255.255 and the
// rest of 240.0.0.0/4.
bool IsNoHost(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) {
    return bytes[12] == 0 || (bytes[12] == 169 && bytes[13] == 254) || bytes[12] >= 224;
  }
  return address == IpAddress() || bytes[0] == 0xff ||
         (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

}  // namespace

absl::StatusOr<DestinationPolicy> DestinationPolicy::Create(const Options& options) {
  DestinationPolicy policy;
  policy.allow_loopback_ = options.allow_loopback;
  CLEANMAIL_ASSIGN_OR_RETURN(policy.forbidden_, PrefixSet::Parse(options.forbidden_networks));
  CLEANMAIL_ASSIGN_OR_RETURN(policy.allowed_, PrefixSet::Parse(options.allowed_networks));
  return policy;
}

absl::Status DestinationPolicy::CheckPort(uint16_t port) {
  if (port >= kFirstFreePort || std::ranges::find(kMailPorts, port) != kMailPorts.end())
    return absl::OkStatus();
  return absl::PermissionDeniedError(
      base::Cat("port ", port, " is no mail server's: 25, 465, 587, 2525 or above 1023"));
}

absl::Status DestinationPolicy::Check(const Endpoint& to) const {
  CLEANMAIL_RETURN_IF_ERROR(CheckPort(to.port));
  const IpAddress inner = Inner(to.address);
  const auto refuse = [&](std::string_view why) {
    return absl::PermissionDeniedError(
        base::Cat(to.address.ToString(), " may not be connected to: ", why));
  };
  if (forbidden_.Contains(to.address) || forbidden_.Contains(inner))
    return refuse("it is in a network of the gateway's own");
  if (allowed_.Contains(to.address)) return absl::OkStatus();
  if (IsLoopback(inner)) {
    return allow_loopback_ ? absl::OkStatus() : refuse("it is the gateway itself (loopback)");
  }
  if (IsNoHost(inner)) return refuse("no mail server has such an address");
  return absl::OkStatus();
}

}  // namespace cleanmail::net
