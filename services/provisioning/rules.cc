#include "services/provisioning/rules.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"
#include "libs/mail/address/utf8.h"
#include "libs/net/host_port.h"
#include "libs/net/prefix.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"

namespace cleanmail::provisioning {
namespace {

constexpr int kMostAliases = 500;
constexpr int kMostMembers = 100'000;
constexpr int kMostDestinations = 20;
constexpr int kMostNetworks = 500;
constexpr int kMostRelayNetworks = 50;
constexpr int kMostGuarded = 500;
constexpr int kMostPersonAddresses = 20;
constexpr size_t kLongestPersonName = 200;
constexpr size_t kLongestDisplayName = 200;
constexpr int64_t kLongestQueueLife = 30 * 24 * 3600;  // seconds
constexpr uint16_t kSmtp = 25;
constexpr std::string_view kDefaultPolicy = "standard";

absl::Status CheckId(std::string_view field, std::string_view id, std::string_view what) {
  if (rpc::resource::IsTenantId(id)) return absl::OkStatus();
  return Wrong(field, base::Cat("\"", base::Printable(id, 100), "\" is not ", what,
                                ": 1 to 63 lower-case letters, digits and inner hyphens"));
}

absl::Status CheckPolicy(std::string_view policy) {
  return policy.empty() ? absl::OkStatus() : CheckId("policy", policy, "a policy's id");
}

absl::Status CheckDisplayName(std::string_view text) {
  if (text.size() > kLongestDisplayName)
    return Wrong("display_name", base::Cat("longer than ", kLongestDisplayName, " octets"));
  const bool printable =
      std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!printable) return Wrong("display_name", "holds control characters");
  return absl::OkStatus();
}

absl::Status CheckCount(std::string_view field, int count, int most) {
  return count <= most ? absl::OkStatus() : Wrong(field, base::Cat("more than ", most));
}

// Sets a resource's name to its normal form.
template <class T>
absl::Status NormalizeName(std::string_view pattern, T& resource) {
  CLEANMAIL_ASSIGN_OR_RETURN(*resource.mutable_name(), NormalName(pattern, resource.name()));
  return absl::OkStatus();
}

std::string Indexed(std::string_view field, int i) { return base::Cat(field, "[", i, "]"); }

}  // namespace

absl::Status Wrong(std::string_view field, std::string_view why) {
  return rpc::WithField(absl::InvalidArgumentError(base::Cat(field, ": ", why)), field);
}

absl::StatusOr<std::string> NormalDomain(std::string_view field, std::string_view text) {
  const absl::StatusOr<std::string> domain = mail::address::NormalizeDomain(text);
  if (!domain.ok()) {
    return Wrong(field, base::Cat("\"", base::Printable(text, 255),
                                  "\" is not a domain: ", domain.status().message()));
  }
  return *domain;
}

absl::StatusOr<std::string> NormalAddress(std::string_view field, std::string_view text) {
  const absl::StatusOr<mail::address::Mailbox> mailbox = mail::address::ParseMailbox(text);
  if (!mailbox.ok()) {
    return Wrong(field, base::Cat("\"", base::Printable(text, 320),
                                  "\" is not an address: ", mailbox.status().message()));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain, NormalDomain(field, mailbox->domain));
  // What no resource name or list can hold; nobody has such an address but by mistake.
  if (mailbox->local.find('/') != std::string::npos ||
      mail::address::ToText(*mailbox).starts_with('"')) {
    return Wrong(field, "a local part that holds '/' or needs quotes cannot be kept");
  }
  return base::Cat(absl::AsciiStrToLower(mailbox->local), "@", domain);
}

std::string_view DomainOf(std::string_view address) {
  return address.substr(address.rfind('@') + 1);
}

std::string_view TenantOf(std::string_view name) {
  constexpr std::string_view kPrefix = "tenants/";
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  return name.substr(0, name.find('/'));
}

std::string_view IdOf(std::string_view name) { return name.substr(name.rfind('/') + 1); }

absl::StatusOr<std::string> NormalName(std::string_view pattern, std::string_view name) {
  absl::StatusOr<std::vector<std::string>> parts = rpc::resource::Match(pattern, name);
  if (!parts.ok()) return rpc::WithField(parts.status(), "name");
  if (pattern == "partners/*") {
    CLEANMAIL_RETURN_IF_ERROR(CheckId("name", (*parts)[0], "a partner's id"));
    return std::string(name);
  }
  CLEANMAIL_RETURN_IF_ERROR(CheckId("name", (*parts)[0], "a tenant's id"));
  if (parts->size() == 1) return std::string(name);
  std::string& id = (*parts)[1];
  if (pattern == "tenants/*/groups/*") {
    CLEANMAIL_RETURN_IF_ERROR(CheckId("name", id, "a group's id"));
  } else if (pattern == "tenants/*/domains/*" || pattern == "tenants/*/routes/*" ||
             pattern == "tenants/*/calloutStatuses/*") {
    CLEANMAIL_ASSIGN_OR_RETURN(id, NormalDomain("name", id));
  } else {
    CLEANMAIL_ASSIGN_OR_RETURN(id, NormalAddress("name", id));
  }
  return base::Cat(name.substr(0, name.find('/')), "/", (*parts)[0],
                   pattern.substr(9, pattern.rfind('/') - 8), id);
}

absl::Status Normalize(v1::Partner& partner) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("partners/*", partner));
  return CheckDisplayName(partner.display_name());
}

namespace {

// Names and addresses strangers are compared with.
absl::Status NormalizePerson(const std::string& path, v1::ProtectedPerson& person) {
  const std::string& name = person.name();
  if (name.size() > kLongestPersonName || !mail::address::IsPrintableUtf8(name) ||
      name.find_first_of(" \t") == std::string::npos)
    return Wrong(base::Cat(path, ".name"),
                 "two words or more are needed, at most 200 bytes of UTF-8 without control "
                 "characters: \"Hanna Muster\"");
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount(base::Cat(path, ".addresses"), person.addresses_size(), kMostPersonAddresses));
  for (int i = 0; i < person.addresses_size(); ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        *person.mutable_addresses(i),
        NormalAddress(Indexed(base::Cat(path, ".addresses"), i), person.addresses(i)));
  }
  return absl::OkStatus();
}

absl::Status NormalizeImpersonation(v1::Impersonation& settings) {
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount("impersonation.protected_people", settings.protected_people_size(), kMostGuarded));
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount("impersonation.extra_domains", settings.extra_domains_size(), kMostGuarded));
  for (int i = 0; i < settings.protected_people_size(); ++i)
    CLEANMAIL_RETURN_IF_ERROR(NormalizePerson(Indexed("impersonation.protected_people", i),
                                              *settings.mutable_protected_people(i)));
  for (int i = 0; i < settings.extra_domains_size(); ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        *settings.mutable_extra_domains(i),
        NormalDomain(Indexed("impersonation.extra_domains", i), settings.extra_domains(i)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Normalize(v1::Tenant& tenant) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*", tenant));
  CLEANMAIL_RETURN_IF_ERROR(CheckDisplayName(tenant.display_name()));
  if (tenant.policy().empty()) tenant.set_policy(std::string(kDefaultPolicy));
  CLEANMAIL_RETURN_IF_ERROR(CheckPolicy(tenant.policy()));
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount("sending_networks", tenant.sending_networks_size(), kMostNetworks));
  for (int i = 0; i < tenant.sending_networks_size(); ++i) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(tenant.sending_networks(i));
    if (!prefix.ok())
      return Wrong(Indexed("sending_networks", i), base::View(prefix.status().message()));
  }
  if (tenant.has_impersonation())
    CLEANMAIL_RETURN_IF_ERROR(NormalizeImpersonation(*tenant.mutable_impersonation()));
  if (!tenant.partner().empty() && !NormalName("partners/*", tenant.partner()).ok())
    return Wrong("partner", "not of the form partners/*");
  absl::TimeZone zone;
  // Names like ../../x would be files.
  if (tenant.time_zone().find("..") != std::string::npos || tenant.time_zone().starts_with('/') ||
      tenant.time_zone().starts_with(':') ||
      (!tenant.time_zone().empty() && !absl::LoadTimeZone(tenant.time_zone(), &zone))) {
    return Wrong("time_zone", base::Cat("\"", base::Printable(tenant.time_zone(), 60),
                                        "\" is not a time zone; one is Europe/Zurich"));
  }
  return absl::OkStatus();
}

namespace {

// Not half of the Internet: it would speak for its own senders.
absl::Status CheckTrustedRelays(const v1::Domain& domain) {
  constexpr int kWidestV4 = 96 + 8;
  constexpr int kWidestV6 = 19;
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount("trusted_relays", domain.trusted_relays_size(), kMostRelayNetworks));
  for (int i = 0; i < domain.trusted_relays_size(); ++i) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(domain.trusted_relays(i));
    if (!prefix.ok())
      return Wrong(Indexed("trusted_relays", i), base::View(prefix.status().message()));
    if (prefix->bits() < (prefix->base().is_v4() ? kWidestV4 : kWidestV6))
      return Wrong(Indexed("trusted_relays", i), "wider than /8 (IPv4) or /19 (IPv6)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Normalize(v1::Domain& domain) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*/domains/*", domain));
  if (!v1::RecipientMode_IsValid(domain.recipient_mode()))
    return Wrong("recipient_mode", "not a mode there is");
  if (!v1::DomainState_IsValid(domain.state())) return Wrong("state", "not a state there is");
  if (domain.recipient_mode() == v1::RECIPIENT_MODE_UNSPECIFIED)
    domain.set_recipient_mode(v1::RECIPIENT_MODE_ANY);
  if (domain.state() == v1::DOMAIN_STATE_UNSPECIFIED) domain.set_state(v1::DOMAIN_STATE_LIVE);
  if (!domain.alias_of().empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(*domain.mutable_alias_of(),
                               NormalDomain("alias_of", domain.alias_of()));
    if (domain.alias_of() == IdOf(domain.name()))
      return Wrong("alias_of", "a domain is not its own alias");
  }
  CLEANMAIL_RETURN_IF_ERROR(CheckTrustedRelays(domain));
  if (domain.has_queue_life() &&
      (domain.queue_life().seconds() < 60 || domain.queue_life().seconds() > kLongestQueueLife)) {
    return Wrong("queue_life", "between a minute and 30 days");
  }
  return CheckPolicy(domain.policy());
}

absl::Status Normalize(v1::User& user) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*/users/*", user));
  CLEANMAIL_RETURN_IF_ERROR(CheckDisplayName(user.display_name()));
  CLEANMAIL_RETURN_IF_ERROR(CheckPolicy(user.policy()));
  CLEANMAIL_RETURN_IF_ERROR(CheckCount("aliases", user.aliases_size(), kMostAliases));
  std::set<std::string> seen = {std::string(IdOf(user.name()))};
  for (int i = 0; i < user.aliases_size(); ++i) {
    std::string& alias = *user.mutable_aliases(i);
    CLEANMAIL_ASSIGN_OR_RETURN(alias, NormalAddress(Indexed("aliases", i), alias));
    if (!seen.insert(alias).second)
      return Wrong(Indexed("aliases", i), base::Cat(alias, " stands there twice"));
  }
  return absl::OkStatus();
}

absl::Status Normalize(v1::Group& group) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*/groups/*", group));
  CLEANMAIL_RETURN_IF_ERROR(CheckDisplayName(group.display_name()));
  CLEANMAIL_RETURN_IF_ERROR(CheckPolicy(group.policy()));
  CLEANMAIL_RETURN_IF_ERROR(CheckCount("members", group.members_size(), kMostMembers));
  for (int i = 0; i < group.members_size(); ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(*group.mutable_members(i),
                               NormalAddress(Indexed("members", i), group.members(i)));
  }
  auto& members = *group.mutable_members();
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return absl::OkStatus();
}

absl::Status Normalize(v1::ObservedAddress& observed) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*/observedAddresses/*", observed));
  if (!v1::ObservedAddress::Review_IsValid(observed.review()))
    return Wrong("review", "not a state there is");
  if (observed.review() == v1::ObservedAddress::REVIEW_UNSPECIFIED)
    observed.set_review(v1::ObservedAddress::REVIEW_TO_BE_CHECKED);
  return observed.messages() >= 0 ? absl::OkStatus() : Wrong("messages", "less than none");
}

absl::Status Normalize(v1::Route& route) {
  CLEANMAIL_RETURN_IF_ERROR(NormalizeName("tenants/*/routes/*", route));
  if (route.destinations().empty())
    return Wrong("destinations", "at least one host:port is needed");
  CLEANMAIL_RETURN_IF_ERROR(
      CheckCount("destinations", route.destinations_size(), kMostDestinations));
  for (int i = 0; i < route.destinations_size(); ++i) {
    const absl::StatusOr<net::HostPort> endpoint = net::ParseHostPort(route.destinations(i), kSmtp);
    if (!endpoint.ok())
      return Wrong(Indexed("destinations", i), base::View(endpoint.status().message()));
  }
  return absl::OkStatus();
}

absl::Status CheckDestinations(const v1::Route& route, const net::DestinationPolicy& policy) {
  for (int i = 0; i < route.destinations_size(); ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(const net::HostPort endpoint,
                               net::ParseHostPort(route.destinations(i), kSmtp));
    absl::Status allowed = net::DestinationPolicy::CheckPort(endpoint.port);
    if (allowed.ok() && endpoint.is_address) {
      CLEANMAIL_ASSIGN_OR_RETURN(const net::IpAddress address,
                                 net::IpAddress::Parse(endpoint.host));
      allowed = policy.Check({.address = address, .port = endpoint.port});
    }
    if (!allowed.ok()) return Wrong(Indexed("destinations", i), base::View(allowed.message()));
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::provisioning
