#include "services/policy/rules/rule_set.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"

namespace cleanmail::policy {
namespace {

constexpr double kHoldScore = 5.0;  // features.md C3: 5.0 is held, 4.9 is delivered
constexpr int kMostRules = 500;
constexpr size_t kLongestDisplayName = 200;
// A policy is one event and one row.
constexpr size_t kLargestPolicy = 512 << 10;

// Ids of the steps around the tenant's rules, which his rules cannot take.
constexpr std::array<std::string_view, 6> kBuiltIn = {"malware",         "could-not-scan",
                                                      "block-list",      "allow-list",
                                                      "outlook-express", "otherwise-deliver"};

std::string Said(const mail::v1::Finding& finding) {
  return finding.evidence().empty()
             ? finding.name()
             : base::Cat(finding.name(), " (", base::Printable(finding.evidence(), 200), ")");
}

absl::Status CheckScores(const v1::Policy& policy) {
  const auto is_score = [](double score) { return std::isfinite(score) && std::abs(score) <= 1e6; };
  if (!is_score(policy.hold_score()) || policy.hold_score() <= 0)
    return absl::InvalidArgumentError("policy.hold_score: a number above 0 is needed");
  if (!is_score(policy.unlisted_score()) || policy.unlisted_score() < 0)
    return absl::InvalidArgumentError("policy.unlisted_score: a number above 0, or 0 for none");
  if (policy.unlisted_score() != 0 && policy.unlisted_score() < policy.hold_score())
    return absl::InvalidArgumentError("policy.unlisted_score: below hold_score");
  return absl::OkStatus();
}

mail::v1::Banner StandardUnscannedBanner() {
  mail::v1::Banner banner;
  banner.set_text(
      "Caution: part of this message could not be checked for malware. Open its attachments only "
      "if you expect them.\n");
  banner.set_html(
      "<p><b>Caution:</b> part of this message could not be checked for malware. Open its "
      "attachments only if you expect them.</p>");
  return banner;
}

}  // namespace

std::vector<v1::Policy> RecommendedPolicies(std::string_view tenant) {
  std::vector<v1::Policy> policies;
  for (const auto& [id, display_name, report] :
       {std::tuple{"standard", "Standard with quarantine report", true},
        {"without-report", "Standard without quarantine report", false}}) {
    v1::Policy& policy = policies.emplace_back();
    policy.set_name(base::Cat("tenants/", tenant, "/policies/", id));
    policy.set_display_name(display_name);
    policy.set_hold_score(kHoldScore);
    policy.set_quarantine_report(report);
    policy.set_etag("\"0\"");
  }
  return policies;
}

std::optional<v1::Policy> RecommendedPolicy(std::string_view tenant, std::string_view id) {
  for (v1::Policy& policy : RecommendedPolicies(tenant)) {
    if (policy.name().ends_with(base::Cat("/", id))) return std::move(policy);
  }
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<const RuleSet>> RuleSet::Compile(const v1::Policy& policy) {
  if (policy.display_name().size() > kLongestDisplayName)
    return absl::InvalidArgumentError(
        base::Cat("policy.display_name: longer than ", kLongestDisplayName, " bytes"));
  CLEANMAIL_RETURN_IF_ERROR(CheckScores(policy));
  if (policy.rules_size() > kMostRules)
    return absl::InvalidArgumentError(base::Cat("policy.rules: more than ", kMostRules));
  if (policy.ByteSizeLong() > kLargestPolicy)
    return absl::InvalidArgumentError(base::Cat("policy: larger than ", kLargestPolicy, " bytes"));
  auto set = std::shared_ptr<RuleSet>(new RuleSet(policy));
  set->id_ = policy.name().substr(policy.name().rfind('/') + 1);
  std::set<std::string> ids;
  for (int i = 0; i < policy.rules_size(); ++i) {
    const std::string path = base::Cat("policy.rules[", i, "]");
    CLEANMAIL_ASSIGN_OR_RETURN(Rule rule, Rule::Compile(policy.rules(i), set->id_, path));
    const std::string& id = rule.source().id();
    if (std::ranges::find(kBuiltIn, id) != kBuiltIn.end() || id.starts_with("score-at-least-"))
      return absl::InvalidArgumentError(base::Cat(path, ".id: \"", id, "\" is the gateway's own"));
    if (!ids.insert(id).second)
      return absl::InvalidArgumentError(base::Cat(path, ".id: \"", id, "\" stands here twice"));
    if (rule.source().disabled()) continue;
    set->of_recipient_ |= rule.of_recipient();
    set->rules_.push_back(std::move(rule));
  }
  return set;
}

// Malware and what could not be scanned come first, whatever a tenant has set; then his block list.
std::optional<Outcome> RuleSet::DecideByTechnicalRules(
    const Subject& subject, const Circumstances& circumstances,
    std::vector<mail::v1::Action>& actions) const {
  using mail::v1::DISPOSITION_KIND_HOLD;
  if (const auto* found = subject.FirstOf(mail::v1::FINDING_CATEGORY_MALWARE); found != nullptr)
    return Outcome{.disposition = DISPOSITION_KIND_HOLD,
                   .hold_kind = mail::v1::HOLD_KIND_VIRUS,
                   .rule = base::Cat(id_, "/malware"),
                   .reason = base::Cat("Malware: ", Said(*found), "."),
                   .quarantine = {},
                   .redirect_to = {},
                   .actions = {}};
  if (const auto* found = subject.FirstOf(mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN);
      found != nullptr) {
    if (!circumstances.deliver_unscanned)
      return Outcome{.disposition = DISPOSITION_KIND_HOLD,
                     .hold_kind = mail::v1::HOLD_KIND_COULD_NOT_SCAN,
                     .rule = base::Cat(id_, "/could-not-scan"),
                     .reason = base::Cat("A part could not be scanned: ", Said(*found), "."),
                     .quarantine = {},
                     .redirect_to = {},
                     .actions = {}};
    const mail::v1::Banner* set = circumstances.unscanned_banner;
    mail::v1::Action& warning = actions.emplace_back();
    const bool own = set != nullptr && (!set->text().empty() || !set->html().empty());
    *warning.mutable_banner() = own ? *set : StandardUnscannedBanner();
    warning.set_rule(base::Cat(id_, "/could-not-scan"));
  }
  if (!circumstances.block_entry.empty())
    return Outcome{.disposition = DISPOSITION_KIND_HOLD,
                   .hold_kind = mail::v1::HOLD_KIND_POLICY,
                   .rule = base::Cat(id_, "/block-list"),
                   .reason = base::Cat("The sender is blocked by ", circumstances.block_entry, "."),
                   .quarantine = {},
                   .redirect_to = {},
                   .actions = {},
                   .to_be_refused = true};
  return std::nullopt;
}

Outcome RuleSet::DecideByRule(const Rule& rule, const Circumstances& circumstances) const {
  Outcome outcome;
  outcome.rule = rule.name();
  outcome.reason = rule.reason();
  const v1::RuleAction& action = *rule.disposition();
  if (action.has_deliver()) return outcome;
  if (action.has_redirect()) {
    outcome.disposition = mail::v1::DISPOSITION_KIND_REDIRECT;
    outcome.redirect_to.assign(action.redirect().to().begin(), action.redirect().to().end());
    return outcome;
  }
  if (action.has_discard() && circumstances.allow_discard) {
    outcome.disposition = mail::v1::DISPOSITION_KIND_DISCARD;
    return outcome;
  }
  outcome.disposition = mail::v1::DISPOSITION_KIND_HOLD;
  outcome.hold_kind =
      rule.of_attachment() ? mail::v1::HOLD_KIND_ATTACHMENT : mail::v1::HOLD_KIND_POLICY;
  if (action.has_hold()) {
    outcome.quarantine = action.hold().quarantine();
    if (action.hold().unlisted()) outcome.hold_kind = mail::v1::HOLD_KIND_UNLISTED;
  } else if (action.has_refuse()) {
    outcome.to_be_refused = true;
    outcome.refusal = action.refuse().text();
    outcome.reason += " To be refused, but it had been accepted already; held instead.";
  } else {
    outcome.reason += " To be discarded, which the settings do not allow; held instead.";
  }
  return outcome;
}

Outcome RuleSet::DecideByScore(const Subject& subject, const Circumstances& circumstances) const {
  const double score = subject.score();
  const double hold = source_.hold_score();
  const double unlisted = source_.unlisted_score();
  Outcome outcome;
  if (!circumstances.allow_entry.empty()) {
    outcome.rule = base::Cat(id_, "/allow-list");
    outcome.reason = base::Cat("The sender is let through by ", circumstances.allow_entry, ".");
    return outcome;
  }
  if (score < hold) {
    outcome.rule = base::Cat(id_, "/otherwise-deliver");
    outcome.reason = absl::StrFormat("Score %.1f, below %.1f.", score, hold);
    return outcome;
  }
  outcome.disposition = mail::v1::DISPOSITION_KIND_HOLD;
  const bool surely = unlisted > 0 && score >= unlisted;
  outcome.hold_kind = surely ? mail::v1::HOLD_KIND_UNLISTED : mail::v1::HOLD_KIND_SPAM;
  outcome.rule =
      base::Cat(id_, "/", absl::StrFormat("score-at-least-%.1f", surely ? unlisted : hold));
  outcome.reason = absl::StrFormat("Score %.1f, held%s from %.1f on.", score,
                                   surely ? " unlisted" : "", surely ? unlisted : hold);
  return outcome;
}

Outcome RuleSet::Decide(const Subject& subject, std::string_view recipient,
                        const Circumstances& circumstances) const {
  std::vector<mail::v1::Action> actions;
  std::optional<Outcome> outcome = DecideByTechnicalRules(subject, circumstances, actions);
  if (!outcome.has_value()) {
    for (const Rule& rule : rules_) {
      if (rule.Evaluate(subject, recipient) != Truth::kTrue) continue;
      std::ranges::move(rule.Changes(subject), std::back_inserter(actions));
      if (rule.disposition() == nullptr) continue;
      outcome = DecideByRule(rule, circumstances);
      break;
    }
  }
  if (!outcome.has_value()) outcome = DecideByScore(subject, circumstances);
  outcome->actions = std::move(actions);
  return *std::move(outcome);
}

SessionOutcome RuleSet::Admit(const Subject& subject, std::string_view recipient) const {
  SessionOutcome outcome;
  bool waits_for_scan = false;  // what follows is decided after the scan only
  for (const Rule& rule : rules_) {
    if (rule.disposition() == nullptr) continue;
    const Truth truth = rule.Evaluate(subject, recipient);
    if (truth == Truth::kFalse) continue;
    waits_for_scan =
        waits_for_scan || (truth == Truth::kUnknown && rule.stage() == Stage::kScanned);
    if (waits_for_scan) {
      outcome.scan_may_refuse = outcome.scan_may_refuse || rule.refuses();
    } else if (truth == Truth::kUnknown || !outcome.later.empty()) {
      outcome.later.push_back(&rule);
    } else if (rule.refuses()) {  // certain: nothing before it is still open
      outcome.refused_by = &rule;
    }
    if (truth == Truth::kTrue) break;
  }
  if (std::ranges::none_of(outcome.later, &Rule::refuses)) outcome.later.clear();
  return outcome;
}

}  // namespace cleanmail::policy
