#include "libs/mail/address/domain.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <idn2.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::address {
namespace {

constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxNameBytes = 253;  // RFC 1035: 255 with the length bytes of the wire
constexpr size_t kMaxUnicodeBytes = 1000;

absl::Status CheckLabel(std::string_view label) {
  if (label.empty()) return absl::InvalidArgumentError("the domain has an empty label");
  if (label.size() > kMaxLabelBytes)
    return absl::InvalidArgumentError("a label of the domain is too long");
  if (label.front() == '-' || label.back() == '-') {
    return absl::InvalidArgumentError("a label of the domain begins or ends with a hyphen");
  }
  for (const char c : label) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') {
      return absl::InvalidArgumentError("the domain holds a character no host name may");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> NormalizeAscii(std::string_view domain) {
  if (domain.size() > kMaxNameBytes) return absl::InvalidArgumentError("the domain is too long");
  for (size_t start = 0; start <= domain.size();) {
    const size_t dot = std::min(domain.find('.', start), domain.size());
    if (absl::Status status = CheckLabel(domain.substr(start, dot - start)); !status.ok())
      return status;
    start = dot + 1;
  }
  return absl::AsciiStrToLower(base::AbslView(domain));
}

absl::StatusOr<std::string> ToALabels(std::string_view domain) {
  if (domain.size() > kMaxUnicodeBytes) return absl::InvalidArgumentError("the domain is too long");
  if (!IsPrintableUtf8(domain)) return absl::InvalidArgumentError("the domain is not UTF-8");
  const std::string terminated(domain);
  uint8_t* ascii = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(terminated.c_str()), &ascii,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (result != IDN2_OK)
    return absl::InvalidArgumentError("the domain is no internationalised domain name");
  std::string text(reinterpret_cast<const char*>(ascii));
  idn2_free(ascii);
  return text;
}

}  // namespace

absl::StatusOr<std::string> NormalizeDomain(std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (IsAscii(domain)) return NormalizeAscii(domain);
  absl::StatusOr<std::string> ascii = ToALabels(domain);
  if (!ascii.ok()) return ascii;
  return NormalizeAscii(*ascii);
}

absl::StatusOr<std::string> NormalizeAddressLiteral(std::string_view literal) {
  constexpr std::string_view kV6Tag = "IPv6:";
  const absl::Status malformed = absl::InvalidArgumentError("the address literal is malformed");
  if (literal.size() < 2 || literal.size() > 64 || literal.front() != '[' || literal.back() != ']')
    return malformed;
  std::string inside(literal.substr(1, literal.size() - 2));
  if (inside.find('\0') != std::string::npos) return malformed;
  const bool v6 = absl::EqualsIgnoreCase(
      base::AbslView(std::string_view(inside).substr(0, kV6Tag.size())), base::AbslView(kV6Tag));
  if (v6) inside.erase(0, kV6Tag.size());
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(v6 ? AF_INET6 : AF_INET, inside.c_str(), bytes.data()) != 1) return malformed;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return base::Cat("[", v6 ? kV6Tag : "", text.data(), "]");
}

}  // namespace cleanmail::mail::address
