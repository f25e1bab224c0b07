#include <algorithm>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Regex;

double AllTrusted(const EvalCall& call) {
  const Relays& relays = call.mail.relays();
  return !relays.trusted.empty() && relays.untrusted.empty() && relays.unreadable == 0 ? 1 : 0;
}

double NoRelays(const EvalCall& call) {
  const Relays& relays = call.mail.relays();
  return relays.trusted.empty() && relays.untrusted.empty() && relays.unreadable == 0 ? 1 : 0;
}

double Unparseable(const EvalCall& call) { return call.mail.relays().unreadable > 0 ? 1 : 0; }

double HeloIpMismatch(const EvalCall& call) {
  for (const Relay& relay : call.mail.relays().untrusted) {
    if (!IsIpv4(relay.helo) || IsPrivateIp(relay.helo) || !IsIpv4(relay.ip) ||
        IsPrivateIp(relay.ip) || relay.helo == relay.ip)
      continue;
    const std::string network = relay.helo.substr(0, relay.helo.rfind('.') + 1);
    if (!relay.ip.starts_with(network)) return 1;
  }
  return 0;
}

double NumericHelo(const EvalCall& call) {
  const std::vector<Relay>& relays = call.mail.relays().untrusted;
  return std::any_of(
             relays.begin(), relays.end(),
             [](const Relay& relay) { return IsIpv4(relay.helo) && !IsPrivateIp(relay.helo); })
             ? 1
             : 0;
}

double NoRdnsDotcomHelo(const EvalCall& call) {
  static const Regex dotcom = CompiledIn(
      "(?:\\.|^)(?:lycos\\.com|lycos\\.co\\.uk|hotmail\\.com|localhost\\.com|excite\\.com|"
      "caramail\\.com|"
      "cs\\.com|aol\\.com|msn\\.com|yahoo\\.com|drizzle\\.com)$",
      {.ignore_case = true});
  double hit = 0;
  for (const Relay& relay : call.mail.relays().untrusted) {
    if (relay.ip_private) continue;
    // The last relay that can be judged decides.
    hit = relay.no_reverse_dns && dotcom.Matches(relay.helo) ? 1 : 0;
  }
  return hit;
}

// The part of a host that an organisation owns, roughly.
std::string RoughDomain(const std::string& host) {
  const std::string lower = Lower(host);
  if (std::none_of(lower.begin(), lower.end(), IsLetter)) return lower;
  const std::vector<std::string_view> labels = Pieces(lower, '.');
  const size_t count = labels.size();
  const std::string_view last = labels.back();
  const bool two = count > 1 && (last.size() >= 3 || last == "ie" || last == "fr" || last == "de");
  const size_t keep = two ? 2 : 3;
  if (!two && count <= 2) return lower;
  std::string out;
  for (size_t i = count - std::min(count, keep); i < count; ++i) {
    if (!out.empty()) out += '.';
    out += labels[i];
  }
  return out;
}

double ForgedReceivedTrail(const EvalCall& call) {
  static const Regex name = CompiledIn("^\\w+(?:[\\w.-]+\\.)+\\w+$");
  const std::vector<Relay>& relays = call.mail.relays().untrusted;
  int mismatches = 0;
  std::string from_before;
  for (size_t i = 0; i < relays.size(); ++i) {
    std::string from = RoughDomain(relays[i].rdns);
    if ((from == "localhost" || from == "localhost.localdomain") && relays[i].ip == "127.0.0.1")
      from.clear();
    const std::string by = RoughDomain(relays[i].by);
    if (name.Matches(by) && i > 0 && name.Matches(from_before) && by != from_before &&
        !(by == "msn.com" && from_before == "hotmail.com"))
      ++mismatches;
    from_before = from;
  }
  return mismatches > 1 ? 1 : 0;
}

constexpr EvalFunction kFunctions[] = {
    {"check_all_trusted", AllTrusted},
    {"check_no_relays", NoRelays},
    {"check_relays_unparseable", Unparseable},
    {"helo_ip_mismatch", HeloIpMismatch},
    {"check_for_numeric_helo", NumericHelo},
    {"check_for_no_rdns_dotcom_helo", NoRdnsDotcomHelo},
    {"check_for_forged_received_trail", ForgedReceivedTrail},
};

}  // namespace

std::span<const EvalFunction> RelayFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
