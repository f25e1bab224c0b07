#include "services/policy/rules/rule.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"

namespace cleanmail::policy {
namespace {

constexpr int kMostConditions = 50;
constexpr int kMostActions = 20;
constexpr size_t kLongestComment = 500;

std::string ReasonOf(const v1::Rule& rule) {
  if (!rule.comment().empty())
    return base::Cat("Rule ", rule.id(), ": ", base::Printable(rule.comment(), 300), ".");
  std::string text;
  for (const v1::Condition& condition : rule.conditions()) {
    if (text.size() > 300) {
      text += " …";
      break;
    }
    if (!text.empty()) text += " and ";
    text += Describe(condition);
  }
  return base::Cat("Rule ", rule.id(), ": ", text.empty() ? "every message" : text, ".");
}

}  // namespace

absl::StatusOr<Rule> Rule::Compile(const v1::Rule& rule, std::string_view policy,
                                   std::string_view path) {
  if (!IsId(rule.id()))
    return absl::InvalidArgumentError(
        base::Cat(path, ".id: 1 to 63 lower-case letters, digits and inner hyphens are needed"));
  if (rule.comment().size() > kLongestComment)
    return absl::InvalidArgumentError(
        base::Cat(path, ".comment: longer than ", kLongestComment, " bytes"));
  Rule compiled(rule);
  compiled.name_ = base::Cat(policy, "/", rule.id());
  compiled.reason_ = ReasonOf(rule);
  CLEANMAIL_RETURN_IF_ERROR(compiled.CompileConditions(path));
  CLEANMAIL_RETURN_IF_ERROR(compiled.CompileActions(path));
  compiled.FindTrigger();
  return compiled;
}

absl::Status Rule::CompileConditions(std::string_view path) {
  if (source_.conditions_size() > kMostConditions)
    return absl::InvalidArgumentError(
        base::Cat(path, ".conditions: more than ", kMostConditions));
  for (int i = 0; i < source_.conditions_size(); ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        Condition condition,
        Condition::Compile(source_.conditions(i), base::Cat(path, ".conditions[", i, "]")));
    stage_ = std::max(stage_, condition.stage());
    of_recipient_ |= condition.of_recipient();
    of_attachment_ |= condition.of_attachment() && !source_.conditions(i).negated();
    conditions_.push_back(std::move(condition));
  }
  std::ranges::stable_sort(conditions_, {}, &Condition::cost);
  return absl::OkStatus();
}

absl::Status Rule::CompileActions(std::string_view path) {
  if (source_.actions().empty() || source_.actions_size() > kMostActions)
    return absl::InvalidArgumentError(
        base::Cat(path, ".actions: 1 to ", kMostActions, " are needed"));
  for (int i = 0; i < source_.actions_size(); ++i) {
    const v1::RuleAction& action = source_.actions(i);
    const std::string here = base::Cat(path, ".actions[", i, "]");
    const absl::Status checked = CheckAction(action);
    if (!checked.ok()) {
      const bool whole = action.kind_case() == v1::RuleAction::KIND_NOT_SET;
      return absl::Status(checked.code(), base::Cat(here, whole ? ": " : ".", checked.message()));
    }
    if (IsDisposition(action)) {
      if (disposition_ >= 0)
        return absl::InvalidArgumentError(base::Cat(
            here, ": a rule says only once what becomes of the message (deliver, hold, …)"));
      disposition_ = i;
    }
    if (action.has_strip_attachments()) {
      const v1::StripMatching& strip = action.strip_attachments();
      CLEANMAIL_ASSIGN_OR_RETURN(TextPattern name,
                                 TextPattern::Glob(strip.name().empty() ? "*" : strip.name()));
      CLEANMAIL_ASSIGN_OR_RETURN(
          TextPattern type,
          TextPattern::Glob(strip.content_type().empty() ? "*" : strip.content_type()));
      strips_.push_back(
          {.action = i, .name = std::move(name), .content_type = std::move(type)});
    }
  }
  return absl::OkStatus();
}

// One positive header condition is enough: without it the rule cannot match. Without any, ingress
// has to ask about every message.
void Rule::FindTrigger() {
  for (const v1::Condition& condition : source_.conditions()) {
    if (!condition.has_header() || condition.negated()) continue;
    trigger_name_ = Lower(condition.header().name());
    trigger_contains_ = Lower(condition.header().contains());
    return;
  }
}

Truth Rule::Evaluate(const Subject& subject, std::string_view recipient) const {
  Truth together = Truth::kTrue;
  for (const Condition& condition : conditions_) {
    const Truth truth = condition.Evaluate(subject, recipient);
    if (truth == Truth::kFalse) return Truth::kFalse;
    if (truth == Truth::kUnknown) together = Truth::kUnknown;
  }
  return together;
}

std::vector<mail::v1::Action> Rule::Changes(const Subject& subject) const {
  std::vector<mail::v1::Action> changes;
  auto strip = strips_.begin();
  for (int i = 0; i < source_.actions_size(); ++i) {
    const v1::RuleAction& action = source_.actions(i);
    mail::v1::Action change;
    change.set_rule(name_);
    if (action.has_tag_subject()) {
      change.set_tag_subject(action.tag_subject());
    } else if (action.has_add_header()) {
      *change.mutable_add_header() = action.add_header();
    } else if (action.has_banner()) {
      *change.mutable_banner() = action.banner();
    } else if (action.has_copy_to()) {
      change.set_copy_to(action.copy_to());
    } else if (action.has_notify()) {
      change.set_notify(action.notify());
    } else if (action.has_strip_attachments()) {
      const Strip& patterns = *strip++;
      for (const Subject::AttachmentText& attachment : subject.attachments()) {
        if (patterns.name.Matches(attachment.name) &&
            patterns.content_type.Matches(attachment.content_type))
          change.mutable_strip_attachments()->add_parts(*attachment.part);
      }
      if (!change.has_strip_attachments()) continue;
      change.mutable_strip_attachments()->set_note(action.strip_attachments().note());
    } else {
      continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace cleanmail::policy
