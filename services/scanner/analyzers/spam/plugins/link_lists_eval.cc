// Lists in the DNS of domains and addresses that a message's links lead to (URIDNSBL).
#include <algorithm>
#include <map>

#include "absl/hash/hash.h"
#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/plugins/list_answers.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kMostHosts = 20;       // uridnsbl_max_domains, unless rules set it
constexpr size_t kMostNameServers = 4;  // of a domain
constexpr size_t kMostAddresses = 4;    // of a host

// Hosts of links and their registered domains, which lists are asked about.
struct LinkHosts {
  std::vector<std::pair<std::string, std::string>> list;
};

double SettingOf(const EvalCall& call, const char* name, double otherwise) {
  const auto found = call.configuration.settings.find(name);
  if (found == call.configuration.settings.end()) return otherwise;
  return NumberOf(found->second).value_or(otherwise);
}

// How much a link says, 0 most: what a reader may click on, then forms, pictures, others.
int RankOf(const UriDetail& detail) {
  if (detail.types.count("a") != 0) {
    const bool shown = std::any_of(detail.anchor_texts.begin(), detail.anchor_texts.end(),
                                   [](const std::string& text) { return !text.empty(); });
    return shown ? 0 : 5;
  }
  if (detail.types.count("form") != 0) return 1;
  if (detail.types.count("img") != 0) return 2;
  return detail.types.size() == 1 && detail.types.count("parsed") != 0 ? 4 : 3;
}

LinkHosts FindLinkHosts(const EvalCall& call) {
  const auto& passed = call.configuration.dns_lists.link_domains_passed;
  const bool mailto = SettingOf(call, "uridnsbl_skip_mailto", 1) == 0;
  std::map<std::string, std::pair<int, std::string>> hosts;  // rank and domain
  for (const auto& [uri, detail] : call.mail.uri_details()) {
    if (!mailto && BeginsWith(uri, "mailto:")) continue;
    const int rank = RankOf(detail);
    for (const auto& [host, domain] : detail.hosts) {
      if (passed.contains(Lower(domain)) || passed.contains(Lower(host))) continue;
      const auto [known, fresh] = hosts.try_emplace(Lower(host), rank, Lower(domain));
      if (!fresh) known->second.first = std::min(known->second.first, rank);
    }
  }
  // Among equals by a hash that nobody outside knows: who writes many links shall not choose.
  std::vector<std::pair<std::pair<int, size_t>, std::pair<std::string, std::string>>> ordered;
  for (const auto& [host, found] : hosts)
    ordered.push_back({{found.first, absl::HashOf(host)}, {host, found.second}});
  std::sort(ordered.begin(), ordered.end());
  const double most = SettingOf(call, "uridnsbl_max_domains", kMostHosts);
  LinkHosts chosen;
  for (auto& entry : ordered) {
    if (static_cast<double>(chosen.list.size()) >= std::min<double>(most, kMostHosts)) break;
    chosen.list.push_back(std::move(entry.second));
  }
  return chosen;
}

// One question of one rule.
class Question {
 public:
  Question(const EvalCall& call, const LinkList& list, std::string_view flags)
      : call_(call), list_(list), flags_(flags) {}

  bool Hits(const std::string& host, const std::string& domain) {
    const bool address = IsIpAddress(host) || host.starts_with('[');
    switch (list_.about) {
      case LinkList::About::kDomain:
        if (HasFlag(flags_, address ? "domains_only" : "ips_only")) return false;
        return IsListed(address || HasFlag(flags_, "notrim") ? host : domain);
      case LinkList::About::kAddress: {
        if (address) return false;
        const bool own = HasFlag(flags_, "a");
        const bool servers = HasFlag(flags_, "ns") || !own;
        bool hit = own && AreListed(host);
        for (const std::string& server : servers ? NameServers(domain) : Names())
          hit = AreListed(server) || hit;
        return hit;
      }
      case LinkList::About::kNameServerDomain:
      case LinkList::About::kNameServer: {
        bool hit = false;
        const bool whole = list_.about == LinkList::About::kNameServer;
        for (const std::string& server : address ? Names() : NameServers(domain))
          hit = IsListed(whole ? server : call_.mail.domains().Trimmed(server)) || hit;
        return hit;
      }
    }
    return false;
  }

 private:
  using Names = std::vector<std::string>;

  Names NameServers(const std::string& domain) const {
    const std::optional<std::string> name = NameInLists(domain);
    const dns::Answer* const answer = name ? AskAbout(call_, *name, dns::Type::kNs) : nullptr;
    if (answer == nullptr) return {};
    const size_t count = std::min(answer->names.size(), kMostNameServers);
    return {answer->names.begin(), answer->names.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  // Whether an address of the host is listed.
  bool AreListed(const std::string& host) {
    const std::optional<std::string> name = NameInLists(host);
    const dns::Answer* const answer = name ? AskAbout(call_, *name, dns::Type::kA) : nullptr;
    if (answer == nullptr) return false;
    bool hit = false;
    const size_t count = std::min(answer->addresses.size(), kMostAddresses);
    for (size_t i = 0; i < count; ++i) hit = IsListed(answer->addresses[i]) || hit;
    return hit;
  }

  bool IsListed(const std::string& address_or_domain) {
    const std::optional<std::string> name = NameInLists(address_or_domain);
    if (!name) return false;
    const dns::Answer* const answer = AskAbout(call_, base::Cat(*name, ".", list_.zone),
                                               list_.text ? dns::Type::kTxt : dns::Type::kA);
    const bool believed =
        MayBeBelieved(call_, list_.zone, list_.about == LinkList::About::kAddress);
    if (answer == nullptr || !believed) return false;
    const CodeTest& test = list_.test;
    return std::any_of(
               answer->texts.begin(), answer->texts.end(),
               [&](const std::string& text) { return test.text.empty() || test.text == text; }) ||
           std::any_of(answer->addresses.begin(), answer->addresses.end(),
                       [&](const std::string& address) {
                         const std::optional<uint32_t> code = Ipv4Number(address);
                         return code && test.Counts(*code);
                       });
  }

  const EvalCall& call_;
  const LinkList& list_;
  const std::string_view flags_;
};

double CheckLinks(const EvalCall& call) {
  const auto list = call.configuration.dns_lists.link_lists.find(call.Text(0));
  if (list == call.configuration.dns_lists.link_lists.end()) return 0;
  const LinkHosts& hosts =
      call.mail.Remember<LinkHosts>([&call](const MailView&) { return FindLinkHosts(call); });
  Question question(call, list->second, FlagsOf(call.configuration, call.Text(0)));
  bool hit = false;
  for (const auto& [host, domain] : hosts.list) hit = question.Hits(host, domain) || hit;
  return hit ? 1 : 0;
}

constexpr EvalFunction kFunctions[] = {{"check_uridnsbl", CheckLinks, EvalNeed::kLists}};

}  // namespace

std::span<const EvalFunction> LinkListFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
