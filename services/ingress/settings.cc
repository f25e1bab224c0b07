#include "services/ingress/settings.h"

#include <vector>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"

namespace cleanmail::ingress {
namespace {

using config::OrDefault;

// RFC 5321 §4.5.3.1.8 and §4.5.3.1.4.
constexpr int kFewestRecipients = 100;
constexpr int kShortestCommandLine = 512;

constexpr int kHeaderBytes = 256 * 1024;
constexpr int kHeaderFields = 2000;

absl::StatusOr<mail::smtp::ServerOptions> ToServerOptions(const v1::Limits& limits,
                                                          const v1::Listener& listener,
                                                          std::string host_name) {
  mail::smtp::ServerOptions options;
  options.host_name = std::move(host_name);
  options.line_ends = listener.role() == v1::ROLE_SMART_HOST ? mail::smtp::LineEnds::kRepair
                                                             : mail::smtp::LineEnds::kStrict;
  // Only to those who are known: whoever else asks for reports would have the gateway write to
  // whomever he names (RFC 3461 §9).
  options.offer_dsn = listener.role() == v1::ROLE_SMART_HOST;
  options.offer_starttls = listener.certificates_size() > 0;
  options.require_tls = listener.require_tls();
  options.command_line_bytes = OrDefault(limits.command_line_bytes(), 2048);
  options.message = {.bytes = OrDefault(limits.message_bytes(), int64_t{50} << 20),
                     .line_bytes = OrDefault(limits.message_line_bytes(), 65536),
                     .header_bytes = OrDefault(limits.header_bytes(), kHeaderBytes),
                     .header_fields = OrDefault(limits.header_fields(), kHeaderFields)};
  options.recipients = OrDefault(limits.recipients(), 1000);
  options.errors = OrDefault(limits.errors(), 20);
  options.messages = OrDefault(limits.messages_per_session(), 1000);
  if (options.recipients < kFewestRecipients) {
    return absl::InvalidArgumentError("ingress.limits.recipients: RFC 5321 demands at least 100");
  }
  if (options.command_line_bytes < kShortestCommandLine) {
    return absl::InvalidArgumentError(
        "ingress.limits.command_line_bytes: RFC 5321 demands at least 512");
  }
  if (options.require_tls && !options.offer_starttls) {
    return absl::InvalidArgumentError(
        base::Cat("ingress.listeners: ", listener.name(),
                  " requires TLS but has no certificate; add certificates"));
  }
  return options;
}

SessionTimeouts ToTimeouts(const v1::Timeouts& timeouts) {
  const SessionTimeouts defaults;
  return {.command = OrDefault(timeouts.command(), defaults.command),
          .data_block = OrDefault(timeouts.data_block(), defaults.data_block),
          .data_total = OrDefault(timeouts.data_total(), defaults.data_total),
          .session = OrDefault(timeouts.session(), defaults.session),
          .handshake = OrDefault(timeouts.handshake(), defaults.handshake),
          .policy = OrDefault(timeouts.policy(), defaults.policy),
          .write = defaults.write};
}

absl::StatusOr<SpfSettings> ToSpfSettings(const v1::Spf& spf) {
  SpfSettings settings;
  settings.off = spf.off();
  settings.deadline = OrDefault(spf.deadline(), settings.deadline);
  for (const std::string& domain : spf.enforced_domains()) {
    absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
    if (!normal.ok())
      return absl::InvalidArgumentError(
          base::Cat("ingress.spf.enforced_domains: \"", domain, "\": ", normal.status().message()));
    settings.enforced.push_back(*std::move(normal));
  }
  if (settings.off && !settings.enforced.empty())
    return absl::InvalidArgumentError(
        "ingress.spf: domains cannot be enforced while `off` is set; take one of both out");
  return settings;
}

absl::StatusOr<ScanSettings> ToScanSettings(const v1::Listener& listener) {
  constexpr int64_t kMost = 8 << 20;  // what one call between rooms may carry, and a bit
  const v1::SessionScan& scan = listener.session_scan();
  ScanSettings settings;
  settings.off = scan.off() || listener.role() != v1::ROLE_MX;
  settings.deadline = OrDefault(scan.deadline(), settings.deadline);
  if (scan.message_bytes() > kMost)
    return absl::InvalidArgumentError(base::Cat("ingress.listeners: ", listener.name(),
                                                ": session_scan.message_bytes is at most ", kMost,
                                                "; larger messages are scanned after the reply"));
  settings.message_bytes = static_cast<size_t>(
      OrDefault(scan.message_bytes(), static_cast<int64_t>(settings.message_bytes)));
  return settings;
}

absl::StatusOr<net::PrefixSet> ToNetworks(
    const google::protobuf::RepeatedPtrField<std::string>& given, std::string_view field) {
  absl::StatusOr<net::PrefixSet> networks =
      net::PrefixSet::Parse(std::vector<std::string>(given.begin(), given.end()));
  if (!networks.ok()) return base::Annotate(networks.status(), field);
  return networks;
}

}  // namespace

absl::StatusOr<SessionSettings> ToSessionSettings(const v1::IngressConfig& config,
                                                  const v1::Listener& listener,
                                                  std::string host_name) {
  if (listener.name().empty())
    return absl::InvalidArgumentError("ingress.listeners: a listener needs a name");
  if (listener.listen().empty()) {
    return absl::InvalidArgumentError(
        base::Cat("ingress.listeners: ", listener.name(), " needs `listen`, e.g. \"0.0.0.0:25\""));
  }
  if (listener.role() != v1::ROLE_MX && listener.role() != v1::ROLE_SMART_HOST) {
    return absl::InvalidArgumentError(
        base::Cat("ingress.listeners: ", listener.name(), " needs a role, mx or smart_host"));
  }
  if (!config.postmaster().empty() && !mail::address::ParseMailbox(config.postmaster()).ok()) {
    return absl::InvalidArgumentError(
        base::Cat("ingress.postmaster: \"", config.postmaster(), "\" is no address"));
  }
  SessionSettings settings;
  settings.listener = listener.name();
  settings.role = listener.role() == v1::ROLE_MX ? Role::kMx : Role::kSmartHost;
  settings.postmaster = config.postmaster();
  settings.timeouts = ToTimeouts(config.timeouts());
  CLEANMAIL_ASSIGN_OR_RETURN(settings.spf, ToSpfSettings(config.spf()));
  settings.door.off = config.door().off();
  settings.door.deadline = OrDefault(config.door().deadline(), settings.door.deadline);
  CLEANMAIL_ASSIGN_OR_RETURN(settings.scan, ToScanSettings(listener));
  CLEANMAIL_ASSIGN_OR_RETURN(settings.trusted_relays,
                             ToNetworks(config.trusted_relays(), "ingress.trusted_relays"));
  CLEANMAIL_ASSIGN_OR_RETURN(settings.smtp,
                             ToServerOptions(config.limits(), listener, std::move(host_name)));
  return settings;
}

absl::StatusOr<std::vector<DnsList>> ToDnsLists(const v1::Door& door) {
  std::vector<DnsList> lists;
  for (const v1::DnsList& given : door.dns_lists()) {
    const absl::StatusOr<std::string> zone = mail::address::NormalizeDomain(given.zone());
    if (!zone.ok())
      return absl::InvalidArgumentError(base::Cat("ingress.door.dns_lists: zone \"", given.zone(),
                                                  "\": ", zone.status().message()));
    DnsList list{.zone = *zone, .codes = {}};
    for (const v1::DnsListCode& code : given.codes()) {
      if (!code.code().starts_with("127.") || code.weight() == 0)
        return absl::InvalidArgumentError(base::Cat("ingress.door.dns_lists: ", *zone,
                                                    ": a code needs `code`, an address such as ",
                                                    "127.0.0.2, and a `weight` that is not 0"));
      list.codes.push_back({.code = code.code(),
                            .label = code.label().empty() ? code.code() : code.label(),
                            .weight = code.weight()});
    }
    if (list.codes.empty())
      return absl::InvalidArgumentError(base::Cat(
          "ingress.door.dns_lists: ", *zone, " needs `codes`: which answers count, and how much"));
    lists.push_back(std::move(list));
  }
  return lists;
}

absl::StatusOr<std::optional<GreylistOptions>> ToGreylistOptions(const v1::Door& door) {
  if (!door.has_greylisting()) return std::nullopt;
  if (door.off())
    return absl::InvalidArgumentError(
        "ingress.door: greylisting goes by clients' names, which are not asked for while `off` is "
        "set; take one of both out");
  const v1::Greylisting& given = door.greylisting();
  GreylistOptions options;
  options.delay = OrDefault(given.delay(), options.delay);
  options.window = OrDefault(given.window(), options.window);
  options.remember = OrDefault(given.remember(), options.remember);
  options.passes = OrDefault(given.passes(), options.passes);
  if (options.delay >= options.window)
    return absl::InvalidArgumentError(
        "ingress.door.greylisting: `delay` is shorter than `window`, within which a stranger must "
        "come again");
  CLEANMAIL_ASSIGN_OR_RETURN(
      options.pass_networks,
      ToNetworks(given.pass_networks(), "ingress.door.greylisting.pass_networks"));
  options.pass_domains = LargeProviders();
  for (const std::string& domain : given.pass_domains()) {
    const absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
    if (!normal.ok())
      return absl::InvalidArgumentError(base::Cat("ingress.door.greylisting.pass_domains: \"",
                                                  domain, "\": ", normal.status().message()));
    options.pass_domains.push_back(*normal);
  }
  return options;
}

absl::StatusOr<std::optional<TarpitOptions>> ToTarpitOptions(const v1::Door& door) {
  if (!door.has_tarpit()) return std::nullopt;
  const v1::Tarpit& given = door.tarpit();
  TarpitOptions options;
  options.free_errors = OrDefault(given.free_errors(), options.free_errors);
  options.first = OrDefault(given.first(), options.first);
  options.longest = OrDefault(given.longest(), options.longest);
  options.sessions = OrDefault(given.sessions(), options.sessions);
  constexpr absl::Duration kLongestDelay = absl::Minutes(2);  // clients give up after five
  if (options.longest > kLongestDelay || options.first > options.longest)
    return absl::InvalidArgumentError(
        "ingress.door.tarpit: `first` is at most `longest`, and that at most 2m");
  CLEANMAIL_ASSIGN_OR_RETURN(
      options.pass_networks,
      ToNetworks(given.pass_networks(), "ingress.door.tarpit.pass_networks"));
  return options;
}

absl::StatusOr<net::ConnectionLimits::Options> ToConnectionLimits(const v1::Limits& limits) {
  net::ConnectionLimits::Options options;
  options.total = OrDefault(limits.sessions(), options.total);
  options.per_address = OrDefault(limits.sessions_per_address(), options.per_address);
  options.per_network = OrDefault(limits.sessions_per_network(), options.per_network);
  CLEANMAIL_ASSIGN_OR_RETURN(
      options.exempt, ToNetworks(limits.exempt_networks(), "ingress.limits.exempt_networks"));
  return options;
}

mail::mime::HeaderLimits ToHeaderLimits(const v1::Limits& limits) {
  constexpr size_t kLineEnd = 2;  // the machine counts a line's end when the next line begins
  return {.bytes = static_cast<size_t>(OrDefault(limits.header_bytes(), kHeaderBytes)) + kLineEnd,
          .fields = static_cast<size_t>(OrDefault(limits.header_fields(), kHeaderFields))};
}

}  // namespace cleanmail::ingress
