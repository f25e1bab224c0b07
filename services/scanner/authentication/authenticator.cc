#include "services/scanner/authentication/authenticator.h"

#include <algorithm>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/dns/ask_all.h"
#include "services/scanner/authentication/relays.h"

namespace cleanmail::scanner {
namespace {

namespace auth = mail::auth;

// Asks what is wanted, all at once, and waits.
void AskWanted(dns::Resolver& resolver, absl::Time deadline, auth::Lookups& lookups) {
  const std::vector<dns::Question> questions = lookups.TakeWanted();
  std::vector<absl::StatusOr<dns::Answer>> answers;
  absl::Notification answered;
  dns::AskAll(resolver, questions, deadline, [&](std::vector<absl::StatusOr<dns::Answer>> all) {
    answers = std::move(all);
    answered.Notify();
  });
  answered.WaitForNotification();
  for (size_t i = 0; i < questions.size(); ++i) lookups.Tell(questions[i], std::move(answers[i]));
}

auth::spf::Verdict ToVerdict(const mail::v1::SpfVerdict& asked) {
  auth::spf::Verdict verdict;
  for (int i = 0; i <= static_cast<int>(auth::spf::Result::kPermerror); ++i) {
    const auto result = static_cast<auth::spf::Result>(i);
    if (ToText(result) == asked.result()) verdict.result = result;
  }
  verdict.domain = asked.domain();
  verdict.mechanism = asked.reason();
  return verdict;
}

// What DMARC has to go by, once SPF and DKIM are known.
auth::dmarc::Evidence EvidenceOf(const SenderAuthentication& found) {
  auth::dmarc::Evidence evidence;
  evidence.author = found.author.domains.front();
  if (found.spf.has_value() && found.spf->result == auth::spf::Result::kPass)
    evidence.spf_domain = found.spf->domain;
  for (const auth::dkim::Verdict& verdict : found.dkim) {
    if (verdict.counts_for_alignment()) evidence.dkim_domains.push_back(verdict.field.domain);
  }
  return evidence;
}

}  // namespace

bool SenderAuthentication::VouchedFor(const std::string& domain) const {
  if (spf.has_value() && spf->result == auth::spf::Result::kPass && spf->domain == domain)
    return true;
  return std::ranges::any_of(dkim, [&](const auth::dkim::Verdict& verdict) {
    return verdict.counts_for_alignment() && verdict.field.domain == domain;
  });
}

SenderAuthentication Authenticator::Authenticate(const mail::v1::Message& message,
                                                 const mail::mime::HeaderBlock& header,
                                                 std::string_view body) const {
  SenderAuthentication found;
  const mail::v1::SessionFacts& session = message.session();
  const std::vector<std::string> recipients(message.envelope().recipients().begin(),
                                            message.envelope().recipients().end());
  const Handover handover = FindHandover(
      session.client_address(), session.helo(), header, [&](const net::IpAddress& client) {
        return options_.trusted_relays.Contains(client) ||
               (options_.directory != nullptr &&
                options_.directory->IsRelayFor(client, recipients));
      });
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  found.client = handover.client;
  found.query = {.client = handover.client,
                 .helo = handover.helo,
                 .sender = message.envelope().sender(),
                 .receiver = options_.host_name,
                 .now_seconds = now};
  if (message.has_spf()) found.spf = ToVerdict(message.spf());
  const bool ask_spf = !found.spf.has_value() && !found.client.empty() &&
                       message.direction() != mail::v1::DIRECTION_OUTBOUND;

  const auth::dkim::HeaderIndex index(header);
  auth::dkim::BodyHashes hashes;
  const auth::dkim::Verifier signatures(index, hashes, {.now_seconds = now});
  const auth::arc::Verifier chain(index, hashes);
  hashes.Add(body);
  hashes.Finish();
  found.author = auth::dmarc::ReadAuthor(header);

  const absl::Time deadline = absl::Now() + options_.deadline;
  auth::Lookups lookups;
  std::optional<std::vector<auth::dkim::Verdict>> verdicts;
  std::optional<auth::arc::Verdict> arc;
  while (true) {
    if (ask_spf && !found.spf.has_value()) found.spf = CheckHost(found.query, lookups);
    if (!verdicts.has_value()) verdicts = signatures.Verdicts(lookups);
    if (!arc.has_value()) arc = chain.Check(lookups);
    if ((!ask_spf || found.spf.has_value()) && verdicts.has_value() && arc.has_value()) break;
    AskWanted(resolver_, deadline, lookups);
  }
  found.dkim = *std::move(verdicts);
  found.arc = *std::move(arc);
  if (!found.author.readable || found.author.domains.size() != 1) return found;
  const auth::dmarc::Evidence evidence = EvidenceOf(found);
  while (!(found.dmarc = Evaluate(evidence, lookups)).has_value())
    AskWanted(resolver_, deadline, lookups);
  return found;
}

}  // namespace cleanmail::scanner
