#include "services/scanner/analyzers/spam/plugins/list_answers.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/dns/list_name.h"
#include "libs/mail/address/domain.h"

namespace cleanmail::scanner::spam {

const dns::Answer* AskAbout(const EvalCall& call, std::string_view name, dns::Type type) {
  if (call.knowledge.lookups == nullptr) return nullptr;
  const mail::auth::Lookups::Reply* const reply = call.knowledge.lookups->Find(name, type);
  return reply != nullptr && reply->ok() ? &**reply : nullptr;
}

std::optional<std::string> NameInLists(std::string_view address_or_domain) {
  if (IsIpAddress(address_or_domain)) {
    const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(address_or_domain);
    if (!address.ok() || IsPrivateIp(address_or_domain)) return std::nullopt;
    std::string name = dns::ListName(*address, "");
    name.pop_back();  // the final dot
    return name;
  }
  absl::StatusOr<std::string> domain = mail::address::NormalizeDomain(address_or_domain);
  if (!domain.ok() || !IsFullName(*domain)) return std::nullopt;
  return *std::move(domain);
}

bool MayBeBelieved(const EvalCall& call, std::string_view zone, bool of_addresses) {
  const dns::Answer* const answer =
      AskAbout(call, base::Cat(of_addresses ? "1.0.0.127." : "invalid.", zone), dns::Type::kA);
  return answer == nullptr || answer->addresses.empty();
}

std::string_view FlagsOf(const Configuration& configuration, std::string_view rule) {
  const auto found = configuration.flags.find(std::string(rule));
  return found == configuration.flags.end() ? std::string_view() : found->second;
}

}  // namespace cleanmail::scanner::spam
