#include "services/scanner/authentication/relays.h"

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

using IsTrusted = std::function<bool(const net::IpAddress&)>;

bool Trusts(const IsTrusted& is_trusted, const std::string& client) {
  const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(client);
  return address.ok() && is_trusted(*address);
}

}  // namespace

// `from helo (name [192.0.2.1]) by …`: the last bracketed address before "by", since the first may
// be what the client calls itself.
Handover ReadReceived(std::string_view value) {
  Handover handover;
  constexpr std::string_view kFrom = "from ";
  if (!absl::StartsWithIgnoreCase(base::AbslView(value), base::AbslView(kFrom))) return handover;
  value.remove_prefix(kFrom.size());
  value = value.substr(0, value.find(" by "));
  handover.helo = value.substr(0, value.find(' '));
  for (size_t open = value.rfind('['); open != std::string_view::npos;
       open = open == 0 ? std::string_view::npos : value.rfind('[', open - 1)) {
    std::string_view literal = value.substr(open + 1);
    literal = literal.substr(0, literal.find(']'));
    if (absl::StartsWithIgnoreCase(base::AbslView(literal), "ipv6:")) literal.remove_prefix(5);
    const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(literal);
    if (!address.ok()) continue;
    handover.client = address->ToString();
    break;
  }
  return handover;
}

Handover FindHandover(std::string_view client, std::string_view helo,
                      const mail::mime::HeaderBlock& header, const IsTrusted& is_trusted) {
  Handover handover = {.client = std::string(client), .helo = std::string(helo)};
  size_t seen = 0;
  for (const mail::mime::Field& field : header.fields()) {
    if (!Trusts(is_trusted, handover.client) || seen == kMostRelays) break;
    if (!absl::EqualsIgnoreCase(base::AbslView(field.name), "received")) continue;
    if (seen++ > 0) handover = ReadReceived(field.value());
  }
  return handover;
}

}  // namespace cleanmail::scanner
