// Lists in the DNS of addresses and names that a message's header tells of (DNSEval).
#include <algorithm>
#include <charconv>
#include <set>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/plugins/list_answers.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr std::string_view kUsualFields =
    "EnvelopeFrom,Reply-To,Disposition-Notification-To,X-WebmailclientIP,X-Source-IP";
constexpr size_t kMostRelays = 9;  // num_check_received, unless rules set it
constexpr size_t kMostNames = 10;  // of one rule

// Public addresses of relays, the latest first.
struct RelayAddresses {
  std::vector<std::string> external;     // of all that are not our own
  std::vector<std::string> untrusted;    // of those nobody vouches for
  std::vector<std::string> originating;  // that fields name as where the message began
};

void AddPublic(const std::string& address, std::vector<std::string>& list) {
  if (IsIpAddress(address) && !IsPrivateIp(address) &&
      std::find(list.begin(), list.end(), address) == list.end())
    list.push_back(address);
}

bool IsTrusted(const EvalCall& call, const std::string& address) {
  const TrustSettings& trust = call.mail.settings().trust;
  return trust.trusted != nullptr && trust.trusted(address);
}

RelayAddresses FindRelayAddresses(const EvalCall& call) {
  RelayAddresses found;
  const Relays& relays = call.mail.relays();
  for (const Relay& relay : relays.trusted) {
    if (!relay.internal) AddPublic(relay.ip, found.external);
  }
  for (const Relay& relay : relays.untrusted) {
    AddPublic(relay.ip, found.external);
    AddPublic(relay.ip, found.untrusted);
  }
  for (const std::string& field : call.mail.settings().originating_ip_fields) {
    const std::string text = call.mail.GetText(field);
    size_t at = 0;
    while (at < text.size() && found.originating.size() < kMostRelays) {
      const size_t begin = text.find_first_of("0123456789abcdefABCDEF:", at);
      if (begin == std::string::npos) break;
      at = std::min(text.find_first_not_of("0123456789abcdefABCDEF:.", begin), text.size());
      const std::string address = text.substr(begin, at - begin);
      if (!IsTrusted(call, address)) AddPublic(address, found.originating);
    }
  }
  return found;
}

size_t RelaysAsked(const EvalCall& call) {
  const auto found = call.configuration.settings.find("num_check_received");
  const std::optional<double> number =
      found == call.configuration.settings.end() ? std::nullopt : NumberOf(found->second);
  return number && *number >= 0 && *number < kMostRelays ? static_cast<size_t>(*number)
                                                         : kMostRelays;
}

// The relays a rule means, by the end of its set's name.
std::vector<std::string> RelaysOf(const EvalCall& call, const ListCall& list) {
  const RelayAddresses& all = call.mail.Remember<RelayAddresses>(
      [&call](const MailView&) { return FindRelayAddresses(call); });
  std::vector<std::string> chosen = all.untrusted;
  for (const std::string& address : all.originating) AddPublic(address, chosen);
  const std::string_view set = list.set;
  const auto only_first = [&chosen] { chosen.resize(std::min<size_t>(chosen.size(), 1)); };
  if (set.ends_with("-lastexternal")) {
    chosen = all.external;
    only_first();
  } else if (set.ends_with("-notfirsthop")) {
    chosen = all.external;
    if (chosen.size() > 1) chosen.pop_back();
  } else if (set.ends_with("-firsttrusted")) {
    only_first();
  } else if (set.ends_with("-untrusted")) {
    if (!chosen.empty()) chosen.erase(chosen.begin());
  } else {
    std::reverse(chosen.begin(), chosen.end());
  }
  chosen.resize(std::min(chosen.size(), RelaysAsked(call)));
  while (!list.nice && !chosen.empty() && IsTrusted(call, chosen.front()))
    chosen.erase(chosen.begin());
  return chosen;
}

// What stands behind the @ of an address.
std::string HostOf(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return "";
  std::string_view host = Trim(address.substr(at + 1));
  while (host.ends_with('.')) host.remove_suffix(1);
  return Lower(host.substr(0, host.find_first_of(" \t\n>")));
}

std::string SenderHost(const EvalCall& call) {
  const std::string& sender = call.knowledge.sender;
  return HostOf(sender.empty() ? call.mail.GetText("EnvelopeFrom:addr") : sender);
}

std::vector<std::string> HostsInFields(const EvalCall& call, std::string_view fields) {
  std::vector<std::string> hosts;
  const auto set = call.configuration.settings.find("rbl_headers");
  if (fields.empty())
    fields = set == call.configuration.settings.end() ? kUsualFields : set->second;
  for (const std::string_view field : Pieces(fields, ',')) {
    const std::string name(Trim(field));
    const std::string host =
        name == "EnvelopeFrom" ? SenderHost(call) : HostOf(call.mail.GetText(name + ":addr"));
    if (!host.empty()) {
      hosts.push_back(host);
      continue;
    }
    for (const std::string_view line : Lines(call.mail.GetText(name)))
      hosts.emplace_back(Trim(line));
  }
  return hosts;
}

// Hosts and addresses a call asks about.
std::vector<std::string> AskedAbout(const EvalCall& call, const ListCall& list) {
  std::vector<std::string> all;
  switch (list.about) {
    case ListCall::About::kRelays:
      return RelaysOf(call, list);
    case ListCall::About::kAuthors:
      for (const std::string& address : call.mail.AllFromAddresses())
        all.push_back(HostOf(address));
      return all;
    case ListCall::About::kAuthorDomains:
      for (const std::string& address : call.mail.AllFromAddresses())
        all.push_back(call.mail.domains().Trimmed(HostOf(address)));
      return all;
    case ListCall::About::kSender:
      return {SenderHost(call)};
    case ListCall::About::kFields:
      return HostsInFields(call, list.fields);
    case ListCall::About::kFirstRelay:
      if (call.mail.relays().untrusted.empty()) return {};
      const Relay& first = call.mail.relays().untrusted.back();
      return {first.ip, first.by, first.helo, first.rdns};
  }
  return all;
}

// The names to ask for, each once.
std::set<std::string> NamesOf(const EvalCall& call, const ListCall& list) {
  std::set<std::string> names;
  for (const std::string& one : AskedAbout(call, list)) {
    const bool address = IsIpAddress(one);
    if (address ? list.domains_only : list.ips_only || !call.mail.domains().IsValid(one)) continue;
    const std::optional<std::string> name = NameInLists(one);
    if (name && names.size() < kMostNames) names.insert(base::Cat(*name, ".", list.zone));
  }
  return names;
}

// What an answer must be: a code, bits of it, or what a pattern finds in it; nothing: any.
bool Counts(const EvalCall& call, const std::string& subtest, const std::string& answer) {
  const std::optional<uint32_t> code = Ipv4Number(answer);
  if (subtest.empty()) return true;
  if (const std::optional<CodeTest> test = CodeTest::Read(subtest); test && code)
    return test->Counts(*code);
  return call.pattern != nullptr && call.pattern->Matches(answer);
}

// Whether a list says of the message what `subtest` wants.
bool Says(const EvalCall& call, const ListCall& list, const std::string& subtest) {
  const bool of_addresses = list.about == ListCall::About::kRelays;
  bool hit = false;
  bool asked = false;
  for (const std::string& name : NamesOf(call, list)) {
    asked = true;
    const dns::Answer* const answer =
        AskAbout(call, name, list.text ? dns::Type::kTxt : dns::Type::kA);
    if (answer == nullptr) continue;
    for (const std::string& text : answer->texts) hit = hit || Counts(call, subtest, text);
    for (const std::string& address : answer->addresses)
      hit = hit || (address.starts_with("127.") && Counts(call, subtest, address));
  }
  return asked && MayBeBelieved(call, list.zone, of_addresses) && hit;
}

template <size_t length>
struct Name {
  constexpr Name(const char (&text)[length]) { std::copy_n(text, length, value); }
  char value[length];
};

// A call of the function of that name.
template <Name name>
double Check(const EvalCall& call) {
  const std::optional<ListCall> list =
      ReadListCall(name.value, call.arguments, FlagsOf(call.configuration, call.rule));
  return list && Says(call, *list, call.Text(2)) ? 1 : 0;
}

// What another rule's list, that of the same set, has answered.
double CheckSub(const EvalCall& call) {
  const auto set = call.configuration.dns_lists.calls.find(call.Text(0));
  if (set == call.configuration.dns_lists.calls.end()) return 0;
  for (const ListCall& list : set->second) {
    if (Says(call, list, call.Text(1))) return 1;
  }
  return 0;
}

// Whether the sender's domain has neither addresses nor mail servers.
double CheckSender(const EvalCall& call) {
  const std::string host = SenderHost(call);
  const std::optional<std::string> name = NameInLists(host);
  if (!name || IsIpAddress(host) || call.knowledge.lookups == nullptr) return 0;
  const auto* const addresses = call.knowledge.lookups->Find(*name, dns::Type::kA);
  const auto* const servers = call.knowledge.lookups->Find(*name, dns::Type::kMx);
  return addresses != nullptr && servers != nullptr && mail::auth::IsNothing(*addresses) &&
                 mail::auth::IsNothing(*servers)
             ? 1
             : 0;
}

constexpr EvalFunction kFunctions[] = {
    {"check_rbl", Check<"check_rbl">, EvalNeed::kLists, 2},
    {"check_rbl_txt", Check<"check_rbl_txt">, EvalNeed::kLists, 2},
    {"check_rbl_from_host", Check<"check_rbl_from_host">, EvalNeed::kLists, 2},
    {"check_rbl_from_domain", Check<"check_rbl_from_domain">, EvalNeed::kLists, 2},
    {"check_rbl_envfrom", Check<"check_rbl_envfrom">, EvalNeed::kLists, 2},
    {"check_rbl_headers", Check<"check_rbl_headers">, EvalNeed::kLists, 2},
    {"check_rbl_rcvd", Check<"check_rbl_rcvd">, EvalNeed::kLists, 2},
    {"check_rbl_sub", CheckSub, EvalNeed::kLists, 1},
    {"check_dns_sender", CheckSender, EvalNeed::kLists},
};

}  // namespace

std::span<const EvalFunction> DnsListFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
