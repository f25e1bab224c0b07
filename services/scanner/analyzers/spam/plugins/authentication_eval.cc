#include <algorithm>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

const SenderFacts& Known(const EvalCall& call) {
  static const SenderFacts nothing;
  return call.knowledge.authentication ? *call.knowledge.authentication : nothing;
}

// The result (RFC 7208 §2.6) a letter stands for.
constexpr std::string_view ResultOf(char which) {
  switch (which) {
    case 'p':
      return "pass";
    case 'n':
      return "neutral";
    case 'f':
      return "fail";
    case 's':
      return "softfail";
    case 't':
      return "temperror";
    case 'e':
      return "permerror";
    default:
      return "none";
  }
}

template <char which>
double Spf(const EvalCall& call) {
  return Known(call).spf == ResultOf(which) ? 1 : 0;
}

template <char which>
double HeloSpf(const EvalCall& call) {
  return Known(call).helo_spf == ResultOf(which) ? 1 : 0;
}

std::string DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? "" : Lower(address.substr(at + 1));
}

std::set<std::string> AuthorDomains(const MailView& mail) {
  std::set<std::string> domains;
  for (const std::string& address : mail.Get("From:addr")) domains.insert(DomainOf(address));
  domains.erase("");
  return domains;
}

// `pattern`: a domain, or with a leading dot or "*." the domain and all below.
bool DomainFits(const std::string& domain, std::string_view pattern) {
  if (pattern.starts_with("*.")) pattern.remove_prefix(1);
  if (!pattern.starts_with('.')) return SameLetters(domain, pattern);
  return SameLetters(domain, pattern.substr(1)) || EndsWith(domain, pattern);
}

bool FitsAny(const std::string& domain, const std::vector<std::string>& patterns) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& one) { return DomainFits(domain, one); });
}

double DkimSigned(const EvalCall& call) { return Known(call).dkim_signed ? 1 : 0; }
double DkimDependable(const EvalCall& call) { return call.knowledge.authentication ? 1 : 0; }

double DkimValid(const EvalCall& call) {
  const std::vector<std::string>& valid = Known(call).dkim_valid_domains;
  return std::any_of(valid.begin(), valid.end(),
                     [&](const std::string& domain) { return FitsAny(domain, call.arguments); })
             ? 1
             : 0;
}

double DkimValidAuthor(const EvalCall& call) {
  const std::set<std::string> authors = AuthorDomains(call.mail);
  const std::vector<std::string>& valid = Known(call).dkim_valid_domains;
  return std::any_of(valid.begin(), valid.end(),
                     [&](const std::string& domain) {
                       return authors.count(Lower(domain)) != 0 && FitsAny(domain, call.arguments);
                     })
             ? 1
             : 0;
}

double DkimValidEnvelope(const EvalCall& call) {
  const std::string sender = DomainOf(call.mail.GetText("EnvelopeFrom:addr"));
  const std::vector<std::string>& valid = Known(call).dkim_valid_domains;
  return !sender.empty() &&
                 std::any_of(valid.begin(), valid.end(),
                             [&](const std::string& domain) { return SameLetters(domain, sender); })
             ? 1
             : 0;
}

// The signing practice rules name for a domain (adsp_override): its letter, 0 without one.
char PracticeOf(const Configuration& configuration, const std::string& domain) {
  const auto exact = configuration.signing_practices.find(domain);
  if (exact != configuration.signing_practices.end()) return exact->second;
  for (size_t dot = domain.find('.'); dot != std::string::npos; dot = domain.find('.', dot + 1)) {
    const auto above = configuration.signing_practices.find("*" + domain.substr(dot));
    if (above != configuration.signing_practices.end()) return above->second;
  }
  return 0;
}

double SigningPractice(const EvalCall& call) {
  if (!call.knowledge.authentication) return 0;
  const std::string wanted = call.Text(0) == "*" ? "NAD123" : call.Text(0);
  const std::vector<std::string> patterns(call.arguments.begin() + (call.arguments.empty() ? 0 : 1),
                                          call.arguments.end());
  const std::vector<std::string>& valid = Known(call).dkim_valid_domains;
  for (const std::string& domain : AuthorDomains(call.mail)) {
    const bool is_signed = std::any_of(valid.begin(), valid.end(), [&](const std::string& one) {
      return SameLetters(one, domain);
    });
    const char practice = PracticeOf(call.configuration, domain);
    if (!is_signed && practice != 0 && wanted.find(practice) != std::string::npos &&
        FitsAny(domain, patterns))
      return 1;
  }
  return 0;
}

double Never(const EvalCall&) { return 0; }

double ArcSigned(const EvalCall& call) { return Known(call).arc_signed ? 1 : 0; }
double ArcValid(const EvalCall& call) { return Known(call).arc_valid ? 1 : 0; }

template <char which>
double Dmarc(const EvalCall& call) {
  const std::string& dmarc = Known(call).dmarc;
  switch (which) {
    case 'p':
      return dmarc == "pass" ? 1 : 0;
    case 'r':
      return dmarc == "reject" ? 1 : 0;
    case 'q':
      return dmarc == "quarantine" ? 1 : 0;
    case 'm':
      return dmarc == "missing" ? 1 : 0;
    default:
      return dmarc == "none" ? 1 : 0;
  }
}

const std::vector<ListedAddress>& List(const EvalCall& call, const std::string& name) {
  static const std::vector<ListedAddress> empty;
  const auto found = call.configuration.lists.find(name);
  return found == call.configuration.lists.end() ? empty : found->second;
}

// Whether a valid signature stands for an author that is listed.
bool IsDkimListed(const EvalCall& call, const std::string& by_signer,
                  const std::string& by_author) {
  for (const std::string& address : call.mail.Get("From:addr")) {
    const std::string author = Lower(address);
    const std::string own = DomainOf(author);
    for (const std::string& domain : Known(call).dkim_valid_domains) {
      if (SameLetters(domain, own) && IsListed(List(call, by_author), author)) return true;
      for (const ListedAddress& entry : List(call, by_signer)) {
        const std::string& signer = entry.domain.empty() ? own : entry.domain;
        if (DomainFits(domain, signer) && GlobMatches(entry.glob, author)) return true;
      }
    }
  }
  return false;
}

double DkimWelcome(const EvalCall& call) {
  return IsDkimListed(call, "welcomelist_from_dkim", "welcomelist_auth") ? 1 : 0;
}
double DkimWelcomeByDefault(const EvalCall& call) {
  return IsDkimListed(call, "def_welcomelist_from_dkim", "def_welcomelist_auth") ? 1 : 0;
}

bool IsSpfListed(const EvalCall& call, const std::string& list, const std::string& auth_list) {
  if (Known(call).spf != "pass" || !call.mail.envelope_from()) return false;
  const std::string& sender = *call.mail.envelope_from();
  return IsListed(List(call, list), sender) || IsListed(List(call, auth_list), sender);
}

double SpfWelcome(const EvalCall& call) {
  return IsSpfListed(call, "welcomelist_from_spf", "welcomelist_auth") ? 1 : 0;
}
double SpfWelcomeByDefault(const EvalCall& call) {
  return IsSpfListed(call, "def_welcomelist_from_spf", "def_welcomelist_auth") ? 1 : 0;
}

constexpr EvalNeed kAuth = EvalNeed::kAuthentication;
constexpr EvalFunction kFunctions[] = {
    {"check_for_spf_pass", Spf<'p'>, kAuth},
    {"check_for_spf_neutral", Spf<'n'>, kAuth},
    {"check_for_spf_none", Spf<'0'>, kAuth},
    {"check_for_spf_fail", Spf<'f'>, kAuth},
    {"check_for_spf_softfail", Spf<'s'>, kAuth},
    {"check_for_spf_temperror", Spf<'t'>, kAuth},
    {"check_for_spf_permerror", Spf<'e'>, kAuth},
    {"check_for_spf_helo_pass", HeloSpf<'p'>, kAuth},
    {"check_for_spf_helo_neutral", HeloSpf<'n'>, kAuth},
    {"check_for_spf_helo_none", HeloSpf<'0'>, kAuth},
    {"check_for_spf_helo_fail", HeloSpf<'f'>, kAuth},
    {"check_for_spf_helo_softfail", HeloSpf<'s'>, kAuth},
    {"check_for_spf_helo_temperror", HeloSpf<'t'>, kAuth},
    {"check_for_spf_helo_permerror", HeloSpf<'e'>, kAuth},
    {"check_for_spf_welcomelist_from", SpfWelcome, kAuth},
    {"check_for_spf_whitelist_from", SpfWelcome, kAuth},
    {"check_for_def_spf_welcomelist_from", SpfWelcomeByDefault, kAuth},
    {"check_for_def_spf_whitelist_from", SpfWelcomeByDefault, kAuth},
    {"check_dkim_signed", DkimSigned, kAuth},
    {"check_dkim_valid", DkimValid, kAuth},
    {"check_dkim_verified", DkimValid, kAuth},
    {"check_dkim_valid_author_sig", DkimValidAuthor, kAuth},
    {"check_dkim_valid_envelopefrom", DkimValidEnvelope, kAuth},
    {"check_dkim_dependable", DkimDependable, kAuth},
    {"check_dkim_adsp", SigningPractice, kAuth},
    {"check_dkim_signall", Never, kAuth},
    {"check_dkim_signsome", Never, kAuth},
    {"check_dkim_testing", Never, kAuth},
    {"check_for_dkim_welcomelist_from", DkimWelcome, kAuth},
    {"check_for_dkim_whitelist_from", DkimWelcome, kAuth},
    {"check_for_def_dkim_welcomelist_from", DkimWelcomeByDefault, kAuth},
    {"check_for_def_dkim_whitelist_from", DkimWelcomeByDefault, kAuth},
    {"check_arc_signed", ArcSigned, kAuth},
    {"check_arc_valid", ArcValid, kAuth},
    {"check_dmarc_pass", Dmarc<'p'>, kAuth},
    {"check_dmarc_reject", Dmarc<'r'>, kAuth},
    {"check_dmarc_quarantine", Dmarc<'q'>, kAuth},
    {"check_dmarc_none", Dmarc<'n'>, kAuth},
    {"check_dmarc_missing", Dmarc<'m'>, kAuth},
};

}  // namespace

std::span<const EvalFunction> AuthenticationFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
