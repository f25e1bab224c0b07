#include <algorithm>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

const std::vector<ListedAddress>* FindList(const EvalCall& call, const std::string& name) {
  const auto found = call.configuration.lists.find(name);
  return found == call.configuration.lists.end() ? nullptr : &found->second;
}

double AnyOn(const EvalCall& call, const std::vector<std::string>& addresses,
             const std::string& name) {
  const std::vector<ListedAddress>* list = FindList(call, name);
  if (list == nullptr) return 0;
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& address) { return IsListed(*list, address); })
             ? 1
             : 0;
}

double FromBlocked(const EvalCall& call) {
  return AnyOn(call, call.mail.AllFromAddresses(), "blocklist_from");
}
double ToBlocked(const EvalCall& call) {
  return AnyOn(call, call.mail.AllToAddresses(), "blocklist_to");
}
double ToWelcome(const EvalCall& call) {
  return AnyOn(call, call.mail.AllToAddresses(), "welcomelist_to");
}
double ToMoreSpam(const EvalCall& call) {
  return AnyOn(call, call.mail.AllToAddresses(), "more_spam_to");
}
double ToAllSpam(const EvalCall& call) {
  return AnyOn(call, call.mail.AllToAddresses(), "all_spam_to");
}
double FromInList(const EvalCall& call) {
  return AnyOn(call, call.mail.AllFromAddresses(), call.Text(0));
}
double ToInList(const EvalCall& call) {
  return AnyOn(call, call.mail.AllToAddresses(), call.Text(0));
}
double ReplyToInList(const EvalCall& call) {
  const std::string address = call.mail.GetText("Reply-To:addr");
  return address.empty() ? 0 : AnyOn(call, {address}, call.Text(0));
}

// The relays that may vouch for a sender: the one that handed the message in, else our own.
std::vector<const Relay*> Vouchers(const MailView& mail) {
  std::vector<const Relay*> relays;
  if (!mail.relays().untrusted.empty()) {
    relays.push_back(&mail.relays().untrusted.front());
  } else {
    for (const Relay& relay : mail.relays().trusted) relays.push_back(&relay);
  }
  return relays;
}

bool Vouches(const Relay& relay, std::string_view domain) {
  if (domain.starts_with('[')) {
    std::string network(domain.substr(1, domain.find(']') - 1));
    if (network == relay.ip) return true;
    if (!network.ends_with('.')) network += '.';
    return !IsIpv4(network) && relay.ip.starts_with(network);
  }
  const std::string rdns = Lower(relay.rdns);
  return rdns == domain || (rdns.size() > domain.size() && rdns.ends_with(domain) &&
                            rdns[rdns.size() - domain.size() - 1] == '.');
}

bool IsVouchedFor(const EvalCall& call, const std::string& name) {
  const std::vector<ListedAddress>* list = FindList(call, name);
  if (list == nullptr) return false;
  const std::vector<const Relay*> relays = Vouchers(call.mail);
  for (const std::string& address : call.mail.AllFromAddresses()) {
    for (const ListedAddress& entry : *list) {
      if (!GlobMatches(entry.glob, Lower(address))) continue;
      if (std::any_of(relays.begin(), relays.end(),
                      [&](const Relay* relay) { return Vouches(*relay, entry.domain); }))
        return true;
    }
  }
  return false;
}

double FromWelcome(const EvalCall& call) {
  if (AnyOn(call, call.mail.AllFromAddresses(), "welcomelist_from") != 0) return 1;
  return IsVouchedFor(call, "welcomelist_from_rcvd") ? 1 : 0;
}
double FromWelcomeByDefault(const EvalCall& call) {
  return IsVouchedFor(call, "def_welcomelist_from_rcvd") ? 1 : 0;
}

double MailFromMatchesReceived(const EvalCall& call) {
  const std::string sender = call.mail.GetText("EnvelopeFrom:addr");
  const size_t at = sender.rfind('@');
  if (at == std::string::npos || sender.find('.', at) == std::string::npos) return 0;
  const Domains& domains = call.mail.domains();
  const std::string own = domains.Trimmed(sender.substr(at + 1));
  const std::vector<const Relay*> relays = Vouchers(call.mail);
  return std::any_of(relays.begin(), relays.end(),
                     [&](const Relay* relay) {
                       return !relay->rdns.empty() && domains.Trimmed(relay->rdns) == own;
                     })
             ? 1
             : 0;
}

double SubjectOn(const EvalCall& call, const std::string& name) {
  const std::string subject = call.mail.GetText("Subject");
  return subject.empty() ? 0 : AnyOn(call, {std::string(Trim(subject))}, name);
}
double SubjectWelcome(const EvalCall& call) { return SubjectOn(call, "welcomelist_subject"); }
double SubjectBlocked(const EvalCall& call) { return SubjectOn(call, "blocklist_subject"); }

constexpr EvalFunction kFunctions[] = {
    {"check_from_in_blocklist", FromBlocked},
    {"check_from_in_blacklist", FromBlocked},
    {"check_to_in_blocklist", ToBlocked},
    {"check_to_in_blacklist", ToBlocked},
    {"check_to_in_welcomelist", ToWelcome},
    {"check_to_in_whitelist", ToWelcome},
    {"check_to_in_more_spam", ToMoreSpam},
    {"check_to_in_all_spam", ToAllSpam},
    {"check_from_in_list", FromInList},
    {"check_to_in_list", ToInList},
    {"check_replyto_in_list", ReplyToInList},
    {"check_from_in_welcomelist", FromWelcome},
    {"check_from_in_whitelist", FromWelcome},
    {"check_from_in_default_welcomelist", FromWelcomeByDefault},
    {"check_from_in_default_whitelist", FromWelcomeByDefault},
    {"check_mailfrom_matches_rcvd", MailFromMatchesReceived},
    {"check_subject_in_welcomelist", SubjectWelcome},
    {"check_subject_in_whitelist", SubjectWelcome},
    {"check_subject_in_blocklist", SubjectBlocked},
    {"check_subject_in_blacklist", SubjectBlocked},
};

}  // namespace

std::span<const EvalFunction> ListFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
