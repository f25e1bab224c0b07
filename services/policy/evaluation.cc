#include "services/policy/evaluation.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "services/policy/newsletters.h"

namespace cleanmail::policy {
namespace {

using mail::v1::RecipientGroup;

absl::Status NotReady() {
  return absl::UnavailableError("directory and rules are not complete yet");
}

RecipientGroup ToGroup(Outcome outcome, const Chosen& chosen, bool monitor_only) {
  RecipientGroup group;
  group.set_disposition(outcome.disposition);
  group.set_hold_kind(outcome.hold_kind);
  group.set_rule(std::move(outcome.rule));
  group.set_reason(std::move(outcome.reason));
  group.set_policy(chosen.rules->id());
  group.set_policy_version(chosen.rules->source().version());
  group.set_policy_scope(chosen.scope);
  if (monitor_only) {
    // Nothing is changed on the way either: the domain is only watched.
    const bool delivered = group.disposition() == mail::v1::DISPOSITION_KIND_DELIVER;
    if (!delivered || !outcome.actions.empty() || outcome.to_be_refused) {
      mail::v1::WouldBe& would_be = *group.mutable_would_be();
      would_be.set_disposition(group.disposition());
      would_be.set_hold_kind(group.hold_kind());
      would_be.set_rule(group.rule());
      would_be.set_reason(group.reason());
      would_be.set_refused(outcome.to_be_refused);
    }
    group.set_disposition(mail::v1::DISPOSITION_KIND_DELIVER);
    group.set_hold_kind(mail::v1::HOLD_KIND_UNSPECIFIED);
    return group;
  }
  group.set_quarantine(std::move(outcome.quarantine));
  for (std::string& address : outcome.redirect_to) group.add_redirect_to(std::move(address));
  for (mail::v1::Action& action : outcome.actions) *group.add_actions() = std::move(action);
  return group;
}

SubjectParts SubjectOf(const Case& scanned, const std::optional<provisioning::v1::Tenant>& tenant) {
  const mail::v1::Message& message = scanned.message;
  return {
      .stage = Stage::kScanned,
      .sender = message.envelope().sender(),
      .client_address = message.session().client_address(),
      .direction = message.direction(),
      .at = absl::FromUnixMicros(message.accepted_at_us()),
      .time_zone = tenant.has_value() ? std::string_view(tenant->time_zone()) : std::string_view(),
      .size = message.size(),
      .headers = &scanned.facts.headers(),
      .facts = &scanned.facts,
      .findings = &scanned.findings,
      .score = scanned.score};
}

v1::EnvelopeDecision Accepted(std::string rule) {
  v1::EnvelopeDecision decision;
  decision.set_accepted(true);
  decision.set_code(250);
  decision.set_enhanced_code("2.1.5");
  decision.set_text("Ok");
  decision.set_rule(std::move(rule));
  return decision;
}

v1::EnvelopeDecision Refused(const refusals::Refusal& refusal, std::string_view own,
                             std::string rule) {
  v1::EnvelopeDecision decision;
  decision.set_code(refusal.reply);
  decision.set_enhanced_code(std::string(refusal.enhanced));
  decision.set_text(refusals::TextOf(refusal, own));
  decision.set_rule(std::move(rule));
  return decision;
}

v1::EnvelopeDecision RefusedBy(const Rule& rule) {
  return Refused(refusals::kRule, rule.disposition()->refuse().text(), rule.name());
}

bool NamesOutlookExpress(const Subject& subject) {
  return std::ranges::any_of(subject.fields(), [](const Subject::Field& field) {
    return (field.name == "x-mailer" || field.name == "x-mimeole") &&
           field.value.find("outlook express") != std::string::npos;
  });
}

void AddTrigger(v1::EnvelopeDecision& decision, std::string_view name, std::string_view contains) {
  for (const v1::HeaderTrigger& trigger : decision.triggers()) {
    if (trigger.name() == name && trigger.contains() == contains) return;
  }
  v1::HeaderTrigger& trigger = *decision.add_triggers();
  trigger.set_name(std::string(name));
  trigger.set_contains(std::string(contains));
}

// Fills in what is to be asked again once the header is there. What the rules ask of the envelope
// has been answered, so their text alone is what the verdict can still depend on.
void AddLater(v1::EnvelopeDecision& decision, bool outlook_express,
              const std::vector<const Rule*>& later) {
  std::string digested;
  if (outlook_express) {
    AddTrigger(decision, "x-mailer", "outlook express");
    AddTrigger(decision, "x-mimeole", "outlook express");
    digested = "oe";
  }
  for (const Rule* rule : later) {
    digested += base::Cat("|", rule->source().ByteSizeLong(), ":");
    rule->source().AppendToString(&digested);
    if (rule->refuses()) AddTrigger(decision, rule->trigger_name(), rule->trigger_contains());
  }
  if (!digested.empty()) decision.set_verdict_class(crypto::Sha256Hex(digested).substr(0, 16));
}

}  // namespace

bool Evaluation::SameFate(const Applied& a, const Applied& b) {
  return a.chosen.rules == b.chosen.rules && a.chosen.scope == b.chosen.scope &&
         a.standing.monitor_only == b.standing.monitor_only && a.lists.block == b.lists.block &&
         a.lists.allow == b.lists.allow && !a.chosen.rules->of_recipient();
}

Outcome Evaluation::Decide(const Subject& subject, std::string_view recipient,
                           const Applied& applied, const v1::PolicySettings& settings) {
  return applied.chosen.rules->Decide(
      subject, recipient,
      {.allow_discard = settings.allow_discard(),
       .deliver_unscanned =
           settings.could_not_scan() == v1::PolicySettings::COULD_NOT_SCAN_DELIVER_WITH_BANNER,
       .unscanned_banner = &settings.could_not_scan_banner(),
       .block_entry = applied.lists.block,
       .allow_entry = applied.lists.allow});
}

mail::v1::RecipientGroup Evaluation::JudgeOne(const Subject& subject, std::string_view recipient,
                                              const Applied& applied,
                                              const v1::PolicySettings& settings,
                                              std::vector<std::string>& entries) {
  const RuleSet& rules = *applied.chosen.rules;
  const bool watched = applied.standing.monitor_only;
  Outcome outcome = Decide(subject, recipient, applied, settings);
  MarkNewsletter(subject, settings, rules.id(), outcome);
  if (outcome.rule.ends_with("/allow-list")) entries.push_back(applied.lists.allow);
  if (outcome.rule.ends_with("/block-list")) entries.push_back(applied.lists.block);
  // A watched domain's mail got past the refusal of its header; elsewhere it cannot come this far.
  if (watched && settings.refuse_outlook_express() && NamesOutlookExpress(subject)) {
    outcome.rule = base::Cat(rules.id(), "/outlook-express");
    outcome.reason = base::Cat(refusals::kOutlookExpress.sentence, ".");
    outcome.to_be_refused = true;
  }
  return ToGroup(std::move(outcome), applied.chosen, watched);
}

Chosen Evaluation::Choose(std::string_view tenant, const Standing& standing) const {
  for (const directory::Assignment& assignment : standing.policies) {
    RuleBook::Found found = book_.PolicyOf(tenant, assignment.policy);
    if (!found.known) metrics_.unknown_policies.Add();
    return {.rules = std::move(found.rules), .scope = assignment.scope};
  }
  return {.rules = book_.PolicyOf(tenant, {}).rules, .scope = "default"};
}

Evaluation::Applied Evaluation::Apply(std::string_view tenant, const Subject& subject,
                                      std::string_view recipient,
                                      const Replacement* instead) const {
  const bool outbound = subject.direction() == mail::v1::DIRECTION_OUTBOUND;
  Applied applied;
  applied.standing =
      StandingOf(directory_, tenant, outbound ? std::string_view(subject.sender()) : recipient);
  applied.chosen = Choose(tenant, applied.standing);
  if (instead != nullptr && applied.chosen.rules->id() == instead->rules->id())
    applied.chosen.rules = instead->rules;
  // A tenant's lists are about strangers.
  if (!outbound)
    applied.lists = book_.AskLists(
        tenant, subject, {.account = applied.standing.account, .domain = applied.standing.domain},
        clock_.Now());
  return applied;
}

Judgement Evaluation::Judge(const Case& scanned, const Replacement* instead) const {
  const mail::v1::Message& message = scanned.message;
  // A tenant deleted since the message came still gets the standard judgement: a message is never
  // let through unjudged.
  const auto tenant = directory_.FindTenant(message.tenant());
  const auto settings = book_.SettingsOf(message.tenant());
  const Subject subject(SubjectOf(scanned, tenant));
  // Recipients that nothing tells apart are judged once.
  struct Judged {
    Applied applied;
    size_t group;
  };
  std::vector<Judged> judged;
  std::vector<std::string> identities;  // of groups: all but their recipients
  Judgement judgement;
  for (const std::string& recipient : message.envelope().recipients()) {
    const std::string lowered = Lower(recipient);
    Applied applied = Apply(message.tenant(), subject, lowered, instead);
    const auto same = std::ranges::find_if(
        judged, [&](const Judged& other) { return SameFate(other.applied, applied); });
    if (same != judged.end()) {
      judgement.groups[same->group].add_recipients(recipient);
      continue;
    }
    RecipientGroup group = JudgeOne(subject, lowered, applied, *settings, judgement.entries);
    std::string identity = group.SerializeAsString();
    const auto known = std::ranges::find(identities, identity);
    const auto index = static_cast<size_t>(known - identities.begin());
    if (known == identities.end()) {
      identities.push_back(std::move(identity));
      judgement.groups.push_back(std::move(group));
    }
    judgement.groups[index].add_recipients(recipient);
    judged.push_back({.applied = std::move(applied), .group = index});
  }
  return judgement;
}

absl::StatusOr<std::vector<RecipientGroup>> Evaluation::Dispose(const Case& scanned) const {
  if (!ready()) return NotReady();
  if (scanned.message.tenant().empty() || scanned.message.envelope().recipients().empty())
    return absl::InvalidArgumentError("a scanned message without tenant or recipients");
  Judgement judgement = Judge(scanned, nullptr);
  for (const std::string& entry : judgement.entries) hits_.Add(entry, base::NowMicros(clock_));
  return std::move(judgement.groups);
}

v1::EnvelopeDecision Evaluation::AdmitOne(const Subject& subject,
                                          const v1::AddressedRecipient& to) const {
  const std::string recipient = Lower(to.address());
  const Applied applied = Apply(to.tenant(), subject, recipient, nullptr);
  const RuleSet& rules = *applied.chosen.rules;
  if (applied.standing.monitor_only) return Accepted(rules.id());
  if (!applied.lists.block.empty()) {
    hits_.Add(applied.lists.block, base::NowMicros(clock_));
    metrics_.refused_block.Add();
    return Refused(refusals::kBlocked, {}, base::Cat(rules.id(), "/block-list"));
  }
  const bool outlook_express = book_.SettingsOf(to.tenant())->refuse_outlook_express();
  if (outlook_express && subject.stage() != Stage::kEnvelope && NamesOutlookExpress(subject)) {
    metrics_.refused_outlook_express.Add();
    return Refused(refusals::kOutlookExpress, {}, base::Cat(rules.id(), "/outlook-express"));
  }
  const SessionOutcome outcome = rules.Admit(subject, recipient);
  if (outcome.refused_by != nullptr) {
    metrics_.refused_rule.Add();
    return RefusedBy(*outcome.refused_by);
  }
  v1::EnvelopeDecision decision = Accepted(rules.id());
  if (subject.stage() == Stage::kEnvelope) AddLater(decision, outlook_express, outcome.later);
  // An entry may block the author, whom only the header names.
  const bool inbound = subject.direction() != mail::v1::DIRECTION_OUTBOUND;
  decision.set_scan_may_refuse(outcome.scan_may_refuse || (inbound && book_.Blocks(to.tenant())));
  return decision;
}

absl::StatusOr<std::vector<v1::EnvelopeDecision>> Evaluation::Admit(
    const v1::EvaluateEnvelopeRequest& request) const {
  if (!ready()) return NotReady();
  std::vector<v1::EnvelopeDecision> decisions;
  decisions.reserve(static_cast<size_t>(request.recipients_size()));
  std::optional<Subject> subject;  // of the tenant before
  std::string_view subject_tenant;
  std::optional<provisioning::v1::Tenant> tenant;
  for (const v1::AddressedRecipient& recipient : request.recipients()) {
    if (!subject.has_value() || recipient.tenant() != subject_tenant) {
      tenant = directory_.FindTenant(recipient.tenant());
      subject_tenant = recipient.tenant();
      if (tenant.has_value())
        subject.emplace(SubjectParts{.stage = Stage::kEnvelope,
                                     .sender = request.sender(),
                                     .client_address = request.session().client_address(),
                                     .direction = request.direction(),
                                     .at = clock_.Now(),
                                     .time_zone = tenant->time_zone(),
                                     .size = 0});
    }
    if (!tenant.has_value()) {
      subject.reset();
      metrics_.refused_tenant.Add();
      decisions.push_back(Refused(refusals::kNoTenant, {}, "tenant-exists"));
    } else {
      decisions.push_back(AdmitOne(*subject, recipient));
    }
  }
  return decisions;
}

absl::StatusOr<v1::EnvelopeDecision> Evaluation::AdmitHeaders(
    const v1::EvaluateHeadersRequest& request) const {
  if (!ready()) return NotReady();
  for (const v1::AddressedRecipient& recipient : request.recipients()) {
    const auto tenant = directory_.FindTenant(recipient.tenant());
    if (!tenant.has_value()) continue;  // accepted at RCPT; it is judged after the scan
    const Subject subject({.stage = Stage::kHeaders,
                           .sender = request.sender(),
                           .client_address = request.session().client_address(),
                           .direction = request.direction(),
                           .at = clock_.Now(),
                           .time_zone = tenant->time_zone(),
                           .size = request.size(),
                           .headers = &request.headers()});
    // All are of one verdict class: the first speaks for all.
    return AdmitOne(subject, recipient);
  }
  return Accepted("");
}

absl::StatusOr<v1::EnvelopeDecision> Evaluation::AdmitScanned(const Case& scanned) const {
  if (!ready()) return NotReady();
  const mail::v1::Message& message = scanned.message;
  if (message.tenant().empty() || message.envelope().recipients().empty())
    return absl::InvalidArgumentError("a scanned message without tenant or recipients");
  const auto tenant = directory_.FindTenant(message.tenant());
  if (!tenant.has_value()) return Accepted("");  // accepted at RCPT; it is judged after the reply
  const auto settings = book_.SettingsOf(message.tenant());
  const Subject subject(SubjectOf(scanned, tenant));
  std::optional<v1::EnvelopeDecision> refused;  // the first recipient's
  for (const std::string& recipient : message.envelope().recipients()) {
    const std::string lowered = Lower(recipient);
    const Applied applied = Apply(message.tenant(), subject, lowered, nullptr);
    if (applied.standing.monitor_only) return Accepted("");
    const Outcome outcome = Decide(subject, lowered, applied, *settings);
    if (!outcome.to_be_refused) return Accepted("");
    if (!refused.has_value()) refused = Refused(refusals::kRule, outcome.refusal, outcome.rule);
  }
  metrics_.refused_rule.Add();
  return *std::move(refused);
}

}  // namespace cleanmail::policy
