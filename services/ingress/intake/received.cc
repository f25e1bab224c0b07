#include "services/ingress/intake/received.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/mail/mime/date.h"

namespace cleanmail::ingress {
namespace {

constexpr size_t kMarkDigits = 16;

// The name a client gave itself, fit for a header: letters, digits and what address literals need;
// nothing that ends a comment.
std::string SafeHelo(std::string_view helo) {
  std::string safe(helo.substr(0, 255));
  for (char& c : safe) {
    const bool fine = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                      std::string_view(".-_:[]").find(c) != std::string_view::npos;
    if (!fine) c = '?';
  }
  return safe.empty() ? "unknown" : safe;
}

std::string AddressLiteral(std::string_view address) {
  return base::Cat(address.find(':') == std::string_view::npos ? "[" : "[IPv6:", address, "]");
}

}  // namespace

std::string TenantMark(std::string_view tenant) {
  return base::Cat(
      "Cleanmail ",
      crypto::Sha256Hex(base::Cat("cleanmail tenant mark ", tenant)).substr(0, kMarkDigits));
}

std::string MakeReceived(const ReceivedFacts& facts) {
  std::string line =
      base::Cat("Received: from ", SafeHelo(facts.helo), " (", AddressLiteral(facts.client_address),
                ")\r\n\tby ", facts.host_name, " (", TenantMark(facts.tenant), ")\r\n\twith ",
                facts.protocol, " id ", facts.id);
  if (!facts.tls.empty()) line += base::Cat("\r\n\t(", facts.tls, ")");
  if (!facts.recipient.empty()) line += base::Cat("\r\n\tfor <", facts.recipient, ">");
  return line + base::Cat(";\r\n\t", mail::mime::FormatDate(facts.time), "\r\n");
}

int CountOwnHops(const mail::mime::HeaderBlock& header, std::string_view mark) {
  const std::string comment = base::Cat("(", mark, ")");
  return static_cast<int>(std::count_if(
      header.fields().begin(), header.fields().end(), [&](const mail::mime::Field& field) {
        return absl::EqualsIgnoreCase(base::AbslView(field.name), "received") &&
               field.raw.find(comment) != std::string_view::npos;
      }));
}

}  // namespace cleanmail::ingress
