#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/rules/condition.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {

// A tenant's rule, compiled. Immutable, thread-safe.
class Rule {
 public:
  // InvalidArgument whose message begins with the path of the field that is wrong.
  static absl::StatusOr<Rule> Compile(const v1::Rule& rule, std::string_view policy,
                                      std::string_view path);

  // kTrue: all conditions hold. kFalse: one does not. kUnknown: those that can be told hold.
  Truth Evaluate(const Subject& subject, std::string_view recipient) const;

  const v1::Rule& source() const { return source_; }
  // `{policy}/{id}`.
  const std::string& name() const { return name_; }
  // Why it did what it did, one sentence.
  const std::string& reason() const { return reason_; }
  // The action that ends the evaluation, null without.
  const v1::RuleAction* disposition() const {
    return disposition_ < 0 ? nullptr : &source_.actions(disposition_);
  }
  bool refuses() const { return disposition_ >= 0 && disposition()->has_refuse(); }
  // The first stage that can tell all its conditions.
  Stage stage() const { return stage_; }
  bool of_recipient() const { return of_recipient_; }
  bool of_attachment() const { return of_attachment_; }
  // Its changes for this subject, in order.
  std::vector<mail::v1::Action> Changes(const Subject& subject) const;
  // What ingress is to look for in the header, so that it asks when this rule may match there.
  const std::string& trigger_name() const { return trigger_name_; }
  const std::string& trigger_contains() const { return trigger_contains_; }

  Rule(Rule&&) = default;
  Rule& operator=(Rule&&) = delete;

 private:
  // A strip action's patterns.
  struct Strip {
    int action = 0;
    TextPattern name;
    TextPattern content_type;
  };
  explicit Rule(const v1::Rule& source) : source_(source) {}
  absl::Status CompileConditions(std::string_view path);
  absl::Status CompileActions(std::string_view path);
  void FindTrigger();

  v1::Rule source_;
  std::string name_;
  std::string reason_;
  int disposition_ = -1;  // which action it is
  Stage stage_ = Stage::kEnvelope;
  bool of_recipient_ = false;
  bool of_attachment_ = false;
  std::vector<Condition> conditions_;  // the cheapest first
  std::vector<Strip> strips_;
  std::string trigger_name_;
  std::string trigger_contains_;
};

// Checks one action of a rule; the message begins with the field in the action.
absl::Status CheckAction(const v1::RuleAction& action);
// Whether an action says what becomes of the message.
bool IsDisposition(const v1::RuleAction& action);
// 1 to 63 lower-case letters, digits and inner hyphens.
bool IsId(std::string_view id);

}  // namespace cleanmail::policy
