#include "services/policy/history/explain.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "services/policy/history/dry_runs.h"

namespace cleanmail::policy::history {
namespace {

std::string MeaningOf(mail::v1::FindingCategory category) {
  switch (category) {
    case mail::v1::FINDING_CATEGORY_MALWARE:
      return "malware";
    case mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN:
      return "a part that could not be scanned";
    case mail::v1::FINDING_CATEGORY_SPAM:
      return "a sign for or against spam";
    case mail::v1::FINDING_CATEGORY_PHISHING:
      return "a sign of phishing";
    case mail::v1::FINDING_CATEGORY_NEWSLETTER:
      return "a mailing somebody has asked for";
    case mail::v1::FINDING_CATEGORY_ATTACHMENT:
      return "something about an attachment";
    default:
      return "worth knowing";
  }
}

void AddFindings(const v1::Judged& judged, v1::Explanation& explanation) {
  std::vector<const mail::v1::Finding*> findings;
  for (const mail::v1::Finding& finding : judged.findings()) findings.push_back(&finding);
  std::ranges::stable_sort(findings, std::ranges::greater{},
                           [](const mail::v1::Finding* finding) { return finding->weight(); });
  for (const mail::v1::Finding* finding : findings) {
    v1::Explanation::FindingSaid& said = *explanation.add_findings();
    said.set_finding(finding->name());
    said.set_weight(finding->weight());
    said.set_sentence(
        base::Cat(finding->name(), ": ", MeaningOf(finding->category()), ", ",
                  absl::StrFormat("%+.1f", finding->weight()),
                  finding->evidence().empty()
                      ? std::string()
                      : base::Cat(" (seen: ", base::Printable(finding->evidence(), 200), ")"),
                  "."));
  }
}

std::string CategoryInWords(mail::v1::MessageCategory category) {
  switch (category) {
    case mail::v1::MESSAGE_CATEGORY_PERSONAL:
      return "personal";
    case mail::v1::MESSAGE_CATEGORY_SPAM:
      return "spam";
    case mail::v1::MESSAGE_CATEGORY_PHISHING:
      return "phishing";
    case mail::v1::MESSAGE_CATEGORY_MALWARE:
      return "malware";
    case mail::v1::MESSAGE_CATEGORY_NEWSLETTER:
      return "newsletter";
    case mail::v1::MESSAGE_CATEGORY_BULK:
      return "bulk";
    case mail::v1::MESSAGE_CATEGORY_NOTIFICATION:
      return "notification";
    case mail::v1::MESSAGE_CATEGORY_BOUNCE:
      return "bounce";
    default:
      return "";
  }
}

void AddCategory(const mail::v1::MessageFacts& facts, v1::Explanation& explanation) {
  const std::string category = CategoryInWords(facts.category());
  if (category.empty()) return;
  explanation.set_category(facts.category());
  explanation.add_sentences(
      base::Cat("Its category is ", category, ". ", base::Printable(facts.category_reason(), 600)));
}

void AddTried(v1::Explanation::Group& group, std::string rule, bool matched, std::string sentence) {
  v1::Explanation::RuleTried& tried = *group.add_rules();
  tried.set_rule(std::move(rule));
  tried.set_matched(matched);
  tried.set_sentence(std::move(sentence));
}

std::string SentenceOf(const Rule& rule, bool matched, const Subject& subject,
                       std::string_view recipient) {
  const v1::Rule& source = rule.source();
  if (matched) return base::Cat("Matched. ", rule.reason());
  for (const v1::Condition& condition : source.conditions()) {
    const auto compiled = Condition::Compile(condition, "condition");
    if (compiled.ok() && compiled->Evaluate(subject, recipient) != Truth::kTrue)
      return base::Cat("Did not match: it asks that ", Describe(condition), ".");
  }
  return "Did not match.";
}

// The steps of RuleSet::Decide up to the one that decided.
void AddRules(const RuleSet& rules, const Subject& subject, std::string_view recipient,
              std::string_view decided_by, v1::Explanation::Group& group) {
  const auto built_in = [&](std::string_view id, std::string_view otherwise) {
    std::string name = base::Cat(rules.id(), "/", id);
    const bool decided = name == decided_by;
    AddTried(group, std::move(name), decided,
             decided ? base::Cat("Matched. ", group.outcome()) : std::string(otherwise));
    return decided;
  };
  if (built_in("malware", "No malware was found.")) return;
  const bool unscanned = subject.HasCategory(mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN);
  if (built_in("could-not-scan", unscanned ? "A part could not be scanned; the settings let it go "
                                             "on with a warning."
                                           : "Every part could be scanned."))
    return;
  if (built_in("block-list", "No entry of a block list stands against the sender.")) return;
  for (const Rule& rule : rules.rules()) {
    const bool matched = rule.Evaluate(subject, recipient) == Truth::kTrue;
    AddTried(group, rule.name(), matched, SentenceOf(rule, matched, subject, recipient));
    if (rule.name() == decided_by) return;
  }
  if (built_in("allow-list", "No entry of an allow list counts for the sender.")) return;
  AddTried(group, std::string(decided_by), true, base::Cat("Matched. ", group.outcome()));
}

std::string ScopeInWords(std::string_view scope) {
  if (scope == "user") return "set for the recipient himself";
  if (scope.starts_with("group/")) return base::Cat("set for the group ", scope.substr(6));
  if (scope == "domain") return "set for the domain";
  if (scope == "tenant") return "set for the whole organisation";
  return "the one for whom nothing is set";
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& addresses) {
  std::string joined;
  for (int i = 0; i < addresses.size(); ++i) {
    if (i == 10) return base::Cat(joined, " and ", addresses.size() - 10, " more");
    joined += base::Cat(i == 0 ? "" : ", ", base::Printable(addresses[i], 320));
  }
  return joined;
}

std::string KindInWords(mail::v1::HoldKind kind) {
  constexpr std::string_view kPrefix = "HOLD_KIND_";
  std::string words;
  for (const char c : mail::v1::HoldKind_Name(kind).substr(kPrefix.size()))
    words += c == '_' ? ' ' : static_cast<char>(c | 0x20);
  return words;
}

// What becomes of the message, as the beginning of a sentence.
std::string DeedOf(mail::v1::DispositionKind disposition, mail::v1::HoldKind kind,
                   const mail::v1::RecipientGroup& group) {
  switch (disposition) {
    case mail::v1::DISPOSITION_KIND_DELIVER:
      return "Delivered";
    case mail::v1::DISPOSITION_KIND_DISCARD:
      return "Thrown away";
    case mail::v1::DISPOSITION_KIND_REDIRECT:
      return base::Cat("Delivered to ", Joined(group.redirect_to()), " instead");
    default:
      return base::Cat("Held in quarantine",
                       group.quarantine().empty() ? "" : base::Cat(" ", group.quarantine()), " as ",
                       KindInWords(kind));
  }
}

std::string FateInWords(const mail::v1::RecipientGroup& group) {
  const std::string_view changes = group.actions().empty() ? ". " : ", with changes. ";
  if (!group.has_would_be())
    return base::Cat(DeedOf(group.disposition(), group.hold_kind(), group), changes,
                     group.reason());
  const mail::v1::WouldBe& would_be = group.would_be();
  return base::Cat("Delivered, because the domain is only watched. Else: ",
                   DeedOf(would_be.disposition(), would_be.hold_kind(), group), changes,
                   would_be.reason());
}

}  // namespace

v1::Explanation Explain(const v1::Judged& judged, std::string_view time_zone,
                        VersionReader version) {
  const mail::v1::Message& message = judged.message();
  v1::Explanation explanation;
  explanation.set_name(base::Cat("tenants/", message.tenant(), "/messages/", message.id()));
  explanation.set_score(judged.score());
  explanation.set_generation(judged.generation());
  explanation.mutable_judge_time()->set_seconds(judged.judged_at_us() / 1'000'000);
  explanation.mutable_judge_time()->set_nanos(
      static_cast<int32_t>(judged.judged_at_us() % 1'000'000 * 1000));
  AddFindings(judged, explanation);
  const Subject subject({.stage = Stage::kScanned,
                         .sender = message.envelope().sender(),
                         .client_address = message.session().client_address(),
                         .direction = message.direction(),
                         .at = absl::FromUnixMicros(message.accepted_at_us()),
                         .time_zone = time_zone,
                         .size = message.size(),
                         .headers = &judged.facts().headers(),
                         .facts = &judged.facts(),
                         .findings = &judged.findings(),
                         .score = judged.score()});
  const std::string sender = message.envelope().sender().empty()
                                 ? std::string("the null sender")
                                 : base::Printable(message.envelope().sender(), 320);
  explanation.add_sentences(base::Cat("A message from ", sender, ", subject \"",
                                      base::Printable(message.subject(), 200), "\"."));
  explanation.add_sentences(absl::StrFormat("Its score is %.1f, from %d %s.", judged.score(),
                                            judged.findings_size(),
                                            judged.findings_size() == 1 ? "finding" : "findings"));
  AddCategory(judged.facts(), explanation);
  for (const auto& finding : explanation.findings()) explanation.add_sentences(finding.sentence());
  for (const mail::v1::RecipientGroup& decided : judged.groups()) {
    v1::Explanation::Group& group = *explanation.add_groups();
    *group.mutable_recipients() = decided.recipients();
    group.set_policy(base::Cat("tenants/", message.tenant(), "/policies/", decided.policy()));
    group.set_policy_version(decided.policy_version());
    group.set_policy_scope(decided.policy_scope());
    group.set_rule(decided.has_would_be() ? decided.would_be().rule() : decided.rule());
    group.set_outcome(FateInWords(decided));
    const auto rules = version(decided.policy(), decided.policy_version());
    const std::string recipient =
        decided.recipients().empty() ? std::string() : Lower(decided.recipients(0));
    if (rules.ok()) AddRules(**rules, subject, recipient, group.rule(), group);
    explanation.add_sentences(
        base::Cat("For ", Joined(decided.recipients()), ": policy ", decided.policy(), ", ",
                  decided.policy_version() == 0 ? std::string("as recommended")
                                                : base::Cat("version ", decided.policy_version()),
                  ", ", ScopeInWords(decided.policy_scope()), "."));
    for (const auto& tried : group.rules()) {
      if (tried.matched() && tried.rule() != group.rule())
        explanation.add_sentences(base::Cat("Rule ", tried.rule(), ": ", tried.sentence()));
    }
    explanation.add_sentences(base::Cat(group.outcome(), " (rule ", group.rule(), ")"));
  }
  return explanation;
}

}  // namespace cleanmail::policy::history
