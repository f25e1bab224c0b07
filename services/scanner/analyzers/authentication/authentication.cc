#include "services/scanner/analyzers/authentication/authentication.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

namespace auth = mail::auth;

constexpr std::string_view kAnalyzer = "authentication";

bool SaysDmarcPass(const auth::results::AuthenticationResults& results) {
  return std::ranges::any_of(results.results, [](const auth::results::MethodResult& one) {
    return one.method == "dmarc" && one.result == "pass";
  });
}

std::string Policy(const auth::dmarc::Verdict& dmarc) {
  return base::Cat(dmarc.author, ": p=", auth::dmarc::ToText(dmarc.applies), " of ",
                   dmarc.record_domain);
}

}  // namespace

absl::StatusOr<Findings> AuthenticationAnalyzer::Analyze(const ParsedMessage& message) {
  Findings findings;
  if (message.authentication == nullptr) return findings;
  const SenderAuthentication& found = *message.authentication;
  if (found.spf.has_value()) {
    const auto about = base::Cat(found.client, " for ", found.spf->domain);
    if (found.spf->result == auth::spf::Result::kFail)
      findings.push_back(MakeFinding(FindingId::kSenderForged, about, kAnalyzer));
    if (found.spf->result == auth::spf::Result::kSoftfail)
      findings.push_back(MakeFinding(FindingId::kSenderDoubtful, about, kAnalyzer));
  }
  if (found.author.fields > 0 && (!found.author.readable || found.author.domains.size() > 1)) {
    std::string domains;
    for (const std::string& domain : found.author.domains)
      domains += base::Cat(domains.empty() ? "" : ", ", domain);
    findings.push_back(MakeFinding(
        FindingId::kFromAmbiguous,
        base::Cat(found.author.fields, " From, domains: ", domains.empty() ? "none" : domains),
        kAnalyzer));
  }
  JudgeDmarc(found, findings);
  return findings;
}

void AuthenticationAnalyzer::JudgeDmarc(const SenderAuthentication& found,
                                        Findings& findings) const {
  if (!found.dmarc.has_value() || found.dmarc->result != auth::dmarc::Result::kFail) return;
  if (SealedByATrustedOne(found.arc)) {
    findings.push_back(MakeFinding(
        FindingId::kArcTrusted,
        base::Cat(found.dmarc->author, " by way of ", found.arc.links.back().domain), kAnalyzer));
    return;
  }
  FindingId id = FindingId::kDmarcFail;
  if (found.dmarc->applies == auth::dmarc::Policy::kReject) id = FindingId::kDmarcReject;
  if (found.dmarc->applies == auth::dmarc::Policy::kQuarantine) id = FindingId::kDmarcQuarantine;
  findings.push_back(MakeFinding(id, Policy(*found.dmarc), kAnalyzer));
}

// Every later sealer could have written what it liked: from the newest down, all up to the one that
// says "pass" must be trusted.
bool AuthenticationAnalyzer::SealedByATrustedOne(const auth::arc::Verdict& arc) const {
  if (arc.status != auth::arc::Status::kPass) return false;
  for (auto link = arc.links.rbegin(); link != arc.links.rend(); ++link) {
    if (std::ranges::find(trusted_sealers_, link->domain) == trusted_sealers_.end()) return false;
    if (link->results.has_value() && SaysDmarcPass(*link->results)) return true;
  }
  return false;
}

}  // namespace cleanmail::scanner
