#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/rules/rule.h"

namespace cleanmail::policy {

// What stands around a policy when it decides: the tenant's settings and what its lists say.
struct Circumstances {
  bool allow_discard = false;
  bool deliver_unscanned = false;  // what could not be scanned goes on, with a banner
  const mail::v1::Banner* unscanned_banner = nullptr;
  std::string_view block_entry = {};  // an entry that blocks the sender; empty: none
  std::string_view allow_entry = {};  // an entry that counts for him; empty: none
};

// What is to be done for a recipient, and who says so.
struct Outcome {
  mail::v1::DispositionKind disposition = mail::v1::DISPOSITION_KIND_DELIVER;
  mail::v1::HoldKind hold_kind = mail::v1::HOLD_KIND_UNSPECIFIED;
  std::string rule;    // "standard/malware"
  std::string reason;  // one sentence for people
  std::string quarantine;
  std::vector<std::string> redirect_to;
  std::vector<mail::v1::Action> actions;
  bool to_be_refused = false;  // it would have been, had it not been accepted already
  std::string refusal = {};    // the rule's words for that
};

// What a policy says while the client waits.
struct SessionOutcome {
  // The rule that refuses; null: the transaction may go on.
  const Rule* refused_by = nullptr;
  // Rules that may still decide once the header is known, in order.
  std::vector<const Rule*> later;
  // Once it is known what the message is, a rule may refuse it.
  bool scan_may_refuse = false;
};

// A policy, compiled. Immutable, thread-safe.
class RuleSet {
 public:
  // InvalidArgument whose message begins with the path of the field that is wrong, from `policy.`
  // on. `policy` carries its name.
  static absl::StatusOr<std::shared_ptr<const RuleSet>> Compile(const v1::Policy& policy);

  const v1::Policy& source() const { return source_; }
  // The policy's id.
  const std::string& id() const { return id_; }
  const std::vector<Rule>& rules() const { return rules_; }
  // Whether its rules can tell recipients of one message apart.
  bool of_recipient() const { return of_recipient_; }

  // The order is README.md's. `subject` is kScanned; `recipient` in Lower form.
  Outcome Decide(const Subject& subject, std::string_view recipient,
                 const Circumstances& circumstances) const;
  // The same order with what is known in session: a rule refuses only where it is certain that none
  // before it decides otherwise.
  SessionOutcome Admit(const Subject& subject, std::string_view recipient) const;

 private:
  explicit RuleSet(const v1::Policy& policy) : source_(policy) {}
  std::optional<Outcome> DecideByTechnicalRules(const Subject& subject,
                                                const Circumstances& circumstances,
                                                std::vector<mail::v1::Action>& actions) const;
  Outcome DecideByRule(const Rule& rule, const Circumstances& circumstances) const;
  Outcome DecideByScore(const Subject& subject, const Circumstances& circumstances) const;

  v1::Policy source_;
  std::string id_;
  std::vector<Rule> rules_;  // those not disabled
  bool of_recipient_ = false;
};

// The two recommended policies every tenant has from the start: `standard` and `without-report`.
// Both judge alike; they differ in whether users get a quarantine report.
std::vector<v1::Policy> RecommendedPolicies(std::string_view tenant);
// One of them; nullopt for another id.
std::optional<v1::Policy> RecommendedPolicy(std::string_view tenant, std::string_view id);

}  // namespace cleanmail::policy
