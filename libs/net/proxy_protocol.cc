#include "libs/net/proxy_protocol.h"

#include <charconv>
#include <cstdint>
#include <vector>

#include "libs/base/status_macros.h"

namespace cleanmail::net {
namespace {

using Parsed = absl::StatusOr<std::optional<ProxyHeader>>;

constexpr std::string_view kV1 = "PROXY ";
constexpr std::string_view kV2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kLongestV1 = 107;  // with its CRLF

absl::Status Wrong(std::string_view why) {
  return absl::InvalidArgumentError(base::Cat("PROXY header: ", why));
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

absl::StatusOr<Endpoint> EndpointOf(std::string_view address, std::string_view port, bool v6) {
  Endpoint endpoint;
  if ((address.find(':') != std::string_view::npos) != v6)
    return Wrong("the address is of another family than it says");
  absl::StatusOr<IpAddress> ip = IpAddress::Parse(address);
  if (!ip.ok()) return Wrong("an address is not one");
  endpoint.address = *ip;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size()) return Wrong("a port is not one");
  return endpoint;
}

Parsed ParseV1(std::string_view bytes) {
  const size_t end = bytes.substr(0, kLongestV1).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() >= kLongestV1) return Wrong("version 1 line without end");
    return std::nullopt;
  }
  const std::vector<std::string_view> words = Words(bytes.substr(0, end));
  ProxyHeader header{.length = end + 2, .ends = {}};
  if (words.size() >= 2 && words[1] == "UNKNOWN") return header;
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
    return Wrong("version 1 line is not of its form");
  const bool v6 = words[1] == "TCP6";
  CLEANMAIL_ASSIGN_OR_RETURN(const Endpoint source, EndpointOf(words[2], words[4], v6));
  CLEANMAIL_ASSIGN_OR_RETURN(const Endpoint destination, EndpointOf(words[3], words[5], v6));
  header.ends = {.source = source, .destination = destination};
  return header;
}

uint16_t Big16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>((static_cast<uint8_t>(bytes[at]) << 8) |
                               static_cast<uint8_t>(bytes[at + 1]));
}

IpAddress AddressAt(std::string_view bytes, size_t at, bool v6) {
  std::array<uint8_t, 16> raw{};
  if (!v6) raw[10] = raw[11] = 0xff;
  for (size_t i = v6 ? 0 : 12; i < 16; ++i) raw[i] = static_cast<uint8_t>(bytes[at++]);
  return IpAddress(raw);
}

Parsed ParseV2(std::string_view bytes) {
  if (bytes.size() < 16) return std::nullopt;
  const uint8_t version_command = static_cast<uint8_t>(bytes[12]);
  const uint8_t family = static_cast<uint8_t>(bytes[13]);
  if (version_command >> 4 != 2) return Wrong("binary header of a version other than 2");
  const size_t length = 16 + size_t{Big16(bytes, 14)};
  if (length > kLongestProxyHeader) return Wrong("longer than we read");
  if (bytes.size() < length) return std::nullopt;
  ProxyHeader header{.length = length, .ends = {}};
  switch (version_command & 0x0f) {
    case 0:  // LOCAL
      return header;
    case 1:  // PROXY
      break;
    default:
      return Wrong("unknown command");
  }
  if (family != 0x11 && family != 0x21)
    return header;  // neither TCP over IPv4 nor over IPv6: as if LOCAL
  const bool v6 = family == 0x21;
  const size_t size = v6 ? 16 : 4;
  if (length < 16 + 2 * size + 4) return Wrong("shorter than its addresses");
  header.ends = {
      .source = {.address = AddressAt(bytes, 16, v6), .port = Big16(bytes, 16 + 2 * size)},
      .destination = {.address = AddressAt(bytes, 16 + size, v6),
                      .port = Big16(bytes, 16 + 2 * size + 2)}};
  return header;
}

}  // namespace

absl::StatusOr<std::optional<ProxyHeader>> ParseProxyHeader(std::string_view bytes) {
  if (bytes.starts_with(kV1)) return ParseV1(bytes);
  if (bytes.starts_with(kV2)) return ParseV2(bytes);
  if (kV1.starts_with(bytes) || kV2.starts_with(bytes)) return std::nullopt;
  return Wrong("there is none");
}

}  // namespace cleanmail::net
