#include "libs/net/host_port.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/net/address.h"

namespace cleanmail::net {
namespace {

constexpr size_t kLongestName = 253;

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= kLongestName && host.front() != '.' &&
         host.front() != '-' && std::ranges::all_of(host, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                  c == '_';
         });
}

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(std::string_view text, uint16_t default_port) {
  const absl::Status refusal = absl::InvalidArgumentError(
      base::Cat("\"", base::Printable(text, 200),
                "\" is not host, host:port, address:port or [IPv6 address]:port"));
  HostPort result{.host = {}, .port = default_port, .is_address = false};
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return refusal;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!port.empty()) {
    uint32_t number = 0;
    if (port.front() != ':' || !absl::SimpleAtoi(base::AbslView(port.substr(1)), &number) ||
        number == 0 || number > 65535)
      return refusal;
    result.port = static_cast<uint16_t>(number);
  }
  if (const absl::StatusOr<IpAddress> address = IpAddress::Parse(host); address.ok()) {
    result.host = address->ToString();
    result.is_address = true;
    return result;
  }
  if (text.starts_with('[') || !IsHostName(host)) return refusal;
  result.host = absl::AsciiStrToLower(base::AbslView(host));
  return result;
}

}  // namespace cleanmail::net
