#include "services/scanner/analyzers/links/tricks.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/address/shown_domain.h"
#include "libs/mail/address/utf8.h"
#include "libs/mail/mime/normalize.h"
#include "services/scanner/analyzers/links/known_hosts.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongHost = 100;
constexpr size_t kManyLabels = 8;

bool IsWithin(std::string_view host, std::string_view domain) {
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

std::string Registrable(const std::string& host) {
  std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(host);
  return found.empty() ? host : found;
}

std::vector<std::string_view> Labels(std::string_view host) {
  std::vector<std::string_view> labels;
  while (true) {
    const size_t dot = host.find('.');
    labels.push_back(host.substr(0, dot));
    if (dot == host.npos) return labels;
    host.remove_prefix(dot + 1);
  }
}

// Host of a URL that is the value of one of the usual parameters, if it is of another owner.
std::string ForeignHostInQuery(const LinkTarget& target) {
  std::string_view rest = target.query;
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    const size_t equals = pair.find('=');
    if (equals == pair.npos) continue;
    std::string name(pair.substr(0, equals));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
    if (std::ranges::find(kTargetParameters, name) == std::end(kTargetParameters)) continue;
    std::string value = PercentDecoded(pair.substr(equals + 1));
    if (value.starts_with("//")) value.insert(0, "https:");
    const auto inner = ReadTarget(value);
    if (inner.has_value() && inner->scheme.starts_with("http") &&
        Registrable(inner->host) != Registrable(target.host))
      return inner->host;
  }
  return {};
}

bool IsRedirector(const LinkTarget& target) {
  return std::ranges::any_of(kRedirectors, [&](const Redirector& known) {
    if (!IsWithin(target.host, known.host) || !target.path.starts_with(known.path)) return false;
    if (known.parameter.empty()) return true;
    const std::string parameter = base::Cat(known.parameter, "=");
    return target.query.starts_with(parameter) ||
           target.query.find("&" + parameter) != std::string::npos;
  });
}

// "www.paypal.com.login.example": what looks like the end of a name stands in its middle.
bool HasNameInFront(const std::string& host, const std::string& registrable) {
  if (host.size() <= registrable.size()) return false;
  constexpr std::array<std::string_view, 5> kEnds = {"com", "net", "org", "gov", "edu"};
  const std::vector<std::string_view> front =
      Labels(std::string_view(host).substr(0, host.size() - registrable.size() - 1));
  for (size_t i = 1; i < front.size(); ++i) {
    if (std::ranges::find(kEnds, front[i]) != kEnds.end()) return true;
  }
  return false;
}

// data:, javascript: and file: have no host to judge.
void FindSchemeTricks(const LinkTarget& target, std::vector<Trick>& tricks) {
  const std::string_view path = target.path;
  if (target.scheme == "data" && !path.starts_with("image/"))
    tricks.push_back({FindingId::kLinkCarriesContent, std::string(path.substr(0, 60))});
  if (target.scheme == "vbscript" ||
      (target.scheme == "javascript" && path.size() > 1 && !path.starts_with("void") &&
       path.find("print()") == path.npos))
    tricks.push_back({FindingId::kLinkCarriesContent, base::Cat(target.scheme, ":")});
  if (target.scheme == "file" && !target.host.empty() && target.host != "localhost" &&
      !target.path.empty() && target.host.find('.') != std::string::npos)
    tricks.push_back({FindingId::kLinkToFileServer, target.host});
}

void FindHostTricks(const LinkTarget& target, std::vector<Trick>& tricks) {
  const std::string& host = target.host;
  if (target.is_address) {
    tricks.push_back({FindingId::kLinkAddress, target.written});
    return;
  }
  if (host.find("xn--") != std::string::npos) {
    const std::string shown = ShownForm(host);
    const bool alike = LooksLikeAnother(shown);
    tricks.push_back({alike ? FindingId::kLinkLookalike : FindingId::kLinkInternational,
                      base::Cat(shown, " is ", host)});
  }
  if (host.size() >= kLongHost || Labels(host).size() >= kManyLabels)
    tricks.push_back({FindingId::kLinkLongHost, base::Cat(host.size(), " characters: ", host)});
  if (HasNameInFront(host, Registrable(host)))
    tricks.push_back({FindingId::kLinkNameInFront, host});
  const auto shortener = std::ranges::find_if(
      kShorteners, [&](std::string_view known) { return IsWithin(host, known); });
  if (shortener != std::end(kShorteners)) tricks.push_back({FindingId::kLinkShortened, host});
  if (std::ranges::any_of(kFreeHosts,
                          [&](std::string_view known) { return IsWithin(host, known); }))
    tricks.push_back({FindingId::kLinkFreeHost, host});
}

}  // namespace

std::string ShownForm(std::string_view host) { return mail::address::ShownDomain(host); }

bool LooksLikeAnother(std::string_view host) {
  return std::ranges::any_of(Labels(host), [](std::string_view label) {
    if (mail::address::IsAscii(label)) return false;
    return mail::mime::MixesScripts(label) || mail::address::IsAscii(mail::mime::Skeleton(label));
  });
}

std::vector<Trick> FindTricks(const LinkTarget& target) {
  std::vector<Trick> tricks;
  FindSchemeTricks(target, tricks);
  if (target.host.empty() || target.scheme == "file") return tricks;
  FindHostTricks(target, tricks);
  // "https://paypal.com@evil.example/": only what looks like a host deceives.
  if (target.userinfo.find('.') != std::string::npos)
    tricks.push_back({FindingId::kLinkUserinfo,
                      base::Cat(target.userinfo.substr(0, 80), " before ", target.host)});
  if (target.port != 0 && target.port != 80 && target.port != 443 && target.port != 8080 &&
      target.port != 8443)
    tricks.push_back({FindingId::kLinkOddPort, base::Cat(target.host, ":", target.port)});
  const std::string foreign = ForeignHostInQuery(target);
  if (IsRedirector(target))
    tricks.push_back({FindingId::kLinkRedirected,
                      base::Cat(target.host, foreign.empty() ? "" : " to ", foreign)});
  else if (!foreign.empty())
    tricks.push_back({FindingId::kLinkLeadsOn, base::Cat(target.host, " to ", foreign)});
  return tricks;
}

}  // namespace cleanmail::scanner
