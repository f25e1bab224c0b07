#include <algorithm>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

double UriTruncated(const EvalCall& call) { return call.mail.uris_cut() ? 1 : 0; }

double HttpsIpMismatch(const EvalCall& call) {
  static const Regex by_ip =
      CompiledIn("^https?:/*(?:[^@/]+@)?\\d+\\.\\d+\\.\\d+\\.\\d+", {.ignore_case = true});
  static const Regex secure_by_ip =
      CompiledIn("^https:/*(?:[^@/]+@)?\\d+\\.\\d+\\.\\d+\\.\\d+", {.ignore_case = true});
  for (const HtmlPage& page : call.mail.pages()) {
    for (const auto& [uri, link] : page.links) {
      if (!by_ip.Matches(uri)) continue;
      for (const std::string& text : link.anchor_texts) {
        if (HasLetters(text, "https:") && !secure_by_ip.Matches(text)) return 1;
      }
    }
  }
  return 0;
}

// The host behind the scheme of `text`; empty when it has none of `schemes`.
std::string HostBehind(std::string_view text, size_t scheme) {
  const std::string_view rest = text.substr(scheme);
  size_t end = 0;
  while (end < rest.size() && !IsBlank(rest[end]) &&
         std::string_view("/:?#").find(rest[end]) == std::string_view::npos)
    ++end;
  return std::string(rest.substr(0, end));
}

// Whether the text of a link names another site, with https, than the link leads to.
bool NamesAnother(const EvalCall& call, const HtmlLink& link, const std::string& own) {
  const Domains& domains = call.mail.domains();
  return std::any_of(link.anchor_texts.begin(), link.anchor_texts.end(),
                     [&](const std::string& text) {
                       const size_t at = FindLetters(text, "https://");
                       if (at == std::string::npos) return false;
                       std::string named = HostBehind(text, at + 8);
                       if (!IsIpAddress(named)) {
                         named = domains.Trimmed(named);
                         if (!domains.IsValid(named)) return false;
                       }
                       return !named.empty() && named != own;
                     });
}

double HttpsHttpMismatch(const EvalCall& call) {
  const Domains& domains = call.mail.domains();
  const double least = call.Text(0).empty() ? 1 : std::max(1.0, call.Number(0, 1));
  for (const HtmlPage& page : call.mail.pages()) {
    bool hit = false;
    double anchors = 0;
    for (const auto& [uri, link] : page.links) {
      if (link.anchor_texts.empty()) continue;
      const size_t scheme = BeginsWith(uri, "http://") ? 7 : BeginsWith(uri, "https://") ? 8 : 0;
      const std::string host = scheme > 0 ? HostBehind(uri, scheme) : "";
      if (host.empty() || IsIpAddress(host)) continue;
      const std::string own = domains.Trimmed(host);
      if (!domains.OfUri(own)) continue;
      ++anchors;
      hit = hit || NamesAnother(call, link, own);
    }
    const bool below = call.arguments.size() < 2 || anchors < call.Number(1, 0);
    if (hit && anchors >= least && below) return 1;
  }
  return 0;
}

// Lists that a host of a link stands on.
struct ListedHosts {
  std::set<std::string> lists;
};

ListedHosts FindListed(const MailView& mail, const Configuration& configuration) {
  ListedHosts found;
  std::set<std::string> seen;
  for (const auto& [uri, detail] : mail.uri_details()) {
    if (BeginsWith(uri, "mailto:")) continue;
    for (const auto& [host, domain] : detail.hosts) {
      if (!seen.insert(host).second) continue;
      for (const auto& [list, hosts] : configuration.uri_hosts) {
        // The host itself, then what it is under.
        for (std::string name = host;;) {
          if (const auto entry = hosts.find(name); entry != hosts.end()) {
            if (entry->second) found.lists.insert(list);
            break;
          }
          const size_t dot = name.find('.');
          if (dot == std::string::npos || IsIpAddress(host)) break;
          name.erase(0, dot + 1);
        }
      }
    }
  }
  return found;
}

bool IsHostOn(const EvalCall& call, const std::string& list) {
  const ListedHosts& found = call.mail.Remember<ListedHosts>(
      [&](const MailView& mail) { return FindListed(mail, call.configuration); });
  return found.lists.count(list) != 0;
}

double HostListed(const EvalCall& call) { return IsHostOn(call, call.Text(0)) ? 1 : 0; }
double HostBlocked(const EvalCall& call) { return IsHostOn(call, "BLOCK") ? 1 : 0; }
double HostWelcome(const EvalCall& call) { return IsHostOn(call, "WELCOME") ? 1 : 0; }

constexpr EvalFunction kFunctions[] = {
    {"check_uri_truncated", UriTruncated},
    {"check_https_ip_mismatch", HttpsIpMismatch},
    {"check_https_http_mismatch", HttpsHttpMismatch},
    {"check_uri_host_listed", HostListed},
    {"check_uri_host_in_blocklist", HostBlocked},
    {"check_uri_host_in_blacklist", HostBlocked},
    {"check_uri_host_in_welcomelist", HostWelcome},
    {"check_uri_host_in_whitelist", HostWelcome},
};

}  // namespace

std::span<const EvalFunction> UriFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
