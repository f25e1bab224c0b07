#include "services/ingress/door/greylist.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/reputation/networks.h"

namespace cleanmail::ingress {
namespace {

constexpr char kKnown[] = "known";
constexpr size_t kKeyDigits = 32;  // 128 bits of the hash

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(base::AbslView(text)); }

// The sender, without the numbers that lists and services put into each message's own address.
std::string Steady(std::string_view sender) {
  std::string steady;
  const size_t at = sender.rfind('@');
  for (const char c : Lower(sender.substr(0, at))) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) steady += c;
    if (digit && !steady.ends_with('#')) steady += '#';
  }
  return at == sender.npos ? steady : steady + Lower(sender.substr(at));
}

bool IsWithin(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

std::optional<int64_t> ToMicros(std::string_view text) {
  int64_t micros = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), micros);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return micros;
}

}  // namespace

std::vector<std::string> LargeProviders() {
  return {"google.com",      "googlemail.com", "outlook.com",  "hotmail.com",
          "yahoo.com",       "yahoo.co.jp",    "icloud.com",   "apple.com",
          "me.com",          "amazonses.com",  "sendgrid.net", "mailgun.net",
          "mandrillapp.com", "mcsv.net",       "mcdlv.net",    "sparkpostmail.com",
          "facebook.com",    "linkedin.com",   "gmx.net",      "web.de",
          "kundenserver.de", "protonmail.ch",  "proton.ch",    "messagingengine.com",
          "zoho.com",        "mimecast.com",   "pphosted.com", "messagelabs.com",
          "orange.fr",       "bluewin.ch"};
}

bool Greylist::Spares(const net::IpAddress& client, const mail::v1::DoorFacts& facts) const {
  if (options_.pass_networks.Contains(client)) return true;
  if (facts.iprev() != mail::v1::DoorFacts::IPREV_PASS) return false;
  const std::string name = Lower(facts.client_name());
  return std::ranges::any_of(options_.pass_domains,
                             [&](const std::string& domain) { return IsWithin(name, domain); });
}

std::vector<bool> Greylist::Ask(const net::IpAddress& client, std::string_view sender,
                                const std::vector<std::string>& recipients) const {
  const std::string network = reputation::NetworkOf(client).ToString();
  std::vector<bool> answers(recipients.size(), false);
  const absl::StatusOr<std::string> passes = kv_.Get(base::Cat("grey/net/", network));
  if (passes.ok() && ToMicros(*passes).value_or(0) >= options_.passes) return answers;
  for (size_t i = 0; i < recipients.size(); ++i)
    answers[i] = MustWait(network, sender, recipients[i]);
  return answers;
}

bool Greylist::MustWait(const std::string& network, std::string_view sender,
                        std::string_view recipient) const {
  const std::string key = base::Cat(
      "grey/", crypto::Sha256Hex(base::Cat(network, "\n", Steady(sender), "\n", Lower(recipient)))
                   .substr(0, kKeyDigits));
  const absl::Time now = clock_.Now();
  const absl::StatusOr<std::string> first = kv_.Get(key);
  if (absl::IsNotFound(first.status())) {
    // What cannot be remembered would have to wait for ever.
    return kv_.Set(key, std::to_string(absl::ToUnixMicros(now)), options_.window).ok();
  }
  if (!first.ok()) return false;
  if (*first != kKnown) {
    const auto seen = ToMicros(*first);
    if (seen.has_value() && now < absl::FromUnixMicros(*seen) + options_.delay) return true;
    (void)kv_.Add(base::Cat("grey/net/", network), 1, options_.remember);
  }
  (void)kv_.Set(key, kKnown, options_.remember);
  return false;
}

}  // namespace cleanmail::ingress
