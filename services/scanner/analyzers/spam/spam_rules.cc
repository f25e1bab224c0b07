#include "services/scanner/analyzers/spam/spam_rules.h"

#include <algorithm>
#include <cmath>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/dns/ask_all.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kMostFindings = 100;
// Of one message to lists in the DNS: twenty hosts of links at each of some lists.
constexpr size_t kMostQuestions = 150;

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += text.empty() ? name : ", " + name;
  return text;
}

// What DMARC says, in the words of rules: the policy that applies where it failed.
std::string DmarcWord(const mail::auth::dmarc::Verdict& verdict) {
  using mail::auth::dmarc::Result;
  if (verdict.result == Result::kPass) return "pass";
  if (verdict.result == Result::kNone) return "missing";
  if (verdict.result != Result::kFail) return "";
  return std::string(ToText(verdict.applies));
}

// Where the client that came to us is a trusted relay: who came to the first of these. Else the
// rules find out for themselves, as the settings tell them.
std::string_view ClientBehindRelays(const ParsedMessage& message) {
  if (message.authentication == nullptr || message.envelope == nullptr) return {};
  const std::string_view client = message.authentication->client;
  return client == message.envelope->session().client_address() ? std::string_view() : client;
}

}  // namespace

spam::SenderFacts SenderFactsOf(const SenderAuthentication& found) {
  spam::SenderFacts facts;
  if (found.spf) facts.spf = ToText(found.spf->result);
  facts.dkim_signed = !found.dkim.empty();
  for (const mail::auth::dkim::Verdict& verdict : found.dkim) {
    if (verdict.counts_for_alignment()) facts.dkim_valid_domains.push_back(verdict.field.domain);
  }
  facts.arc_signed = found.arc.status != mail::auth::arc::Status::kNone;
  facts.arc_valid = found.arc.status == mail::auth::arc::Status::kPass;
  if (found.dmarc) facts.dmarc = DmarcWord(*found.dmarc);
  return facts;
}

void SpamRules::AskLists(const spam::RuleSet& rules, const spam::MailView& mail,
                         const spam::MessageKnowledge& knowledge) const {
  const absl::Time deadline = absl::Now() + lists_.deadline;
  while (absl::Now() < deadline) {
    rules.AskLists(mail, knowledge);
    const std::vector<dns::Question> questions = knowledge.lookups->TakeWanted();
    if (questions.empty()) return;
    std::vector<absl::StatusOr<dns::Answer>> answers;
    absl::Notification answered;
    dns::AskAll(*lists_.resolver, questions, deadline,
                [&](std::vector<absl::StatusOr<dns::Answer>> all) {
                  answers = std::move(all);
                  answered.Notify();
                });
    answered.WaitForNotification();
    for (size_t i = 0; i < questions.size(); ++i)
      knowledge.lookups->Tell(questions[i], std::move(answers[i]));
  }
}

absl::StatusOr<Findings> SpamRules::Analyze(const ParsedMessage& message) {
  const std::shared_ptr<const spam::RuleSet> rules = sets_.rules();  // kept while we judge
  Findings findings;
  if (rules == nullptr) return findings;
  spam::MessageKnowledge knowledge;
  if (message.authentication != nullptr)
    knowledge.authentication = SenderFactsOf(*message.authentication);
  if (message.envelope != nullptr) knowledge.sender = message.envelope->envelope().sender();
  const spam::MailView mail = rules->Read(message.bytes, ClientBehindRelays(message));
  mail::auth::Lookups lookups(kMostQuestions);
  if (rules->asks_lists() && lists_.resolver != nullptr) {
    knowledge.lookups = &lookups;
    AskLists(*rules, mail, knowledge);
  }
  const spam::RuleVerdict verdict = rules->Judge(mail, knowledge);
  std::vector<spam::RuleHit> hits = verdict.hits;
  if (hits.size() > kMostFindings) {
    // The lightest are left out: they hardly change the score.
    std::stable_sort(hits.begin(), hits.end(), [](const spam::RuleHit& a, const spam::RuleHit& b) {
      return std::abs(a.score) > std::abs(b.score);
    });
    hits.resize(kMostFindings);
  }
  for (const spam::RuleHit& hit : hits) {
    // The test text is found by an analyzer of its own, rules or not.
    if (*hit.name == EntryOf(FindingId::kGtube).name) continue;
    findings.push_back(MakeRuleFinding(*hit.name, hit.score, *hit.description, name()));
  }
  if (verdict.out_of_time || !verdict.gave_up.empty())
    findings.push_back(MakeFinding(FindingId::kRulesTooExpensive,
                                   verdict.out_of_time ? "out of time" : Joined(verdict.gave_up),
                                   name()));
  return findings;
}

}  // namespace cleanmail::scanner
