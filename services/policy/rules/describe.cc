#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "services/policy/rules/condition.h"

namespace cleanmail::policy {
namespace {

template <class List>
std::string Joined(const List& items) {
  std::string joined;
  for (const auto& item : items) {
    if (!joined.empty()) joined += ", ";
    joined += base::Cat(item);
  }
  return joined;
}

// An enum's name without its type's: FINDING_CATEGORY_COULD_NOT_SCAN → "could not scan".
std::string Words(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  std::string words;
  for (const char c : name) words += c == '_' ? ' ' : static_cast<char>(c | 0x20);
  return words;
}

std::string DescribeHeader(const v1::HeaderCondition& header) {
  switch (header.match_case()) {
    case v1::HeaderCondition::kGlob:
      return base::Cat("the ", header.name(), " header is like \"", header.glob(), "\"");
    case v1::HeaderCondition::kRegex:
      return base::Cat("the ", header.name(), " header matches /", header.regex(), "/");
    case v1::HeaderCondition::kContains:
    case v1::HeaderCondition::MATCH_NOT_SET:
      break;
  }
  if (header.contains().empty()) return base::Cat("there is a ", header.name(), " header");
  return base::Cat("the ", header.name(), " header contains \"", header.contains(), "\"");
}

std::string DescribeAttachment(const v1::AttachmentCondition& attachment) {
  std::string text = "there is an attachment";
  if (!attachment.name().empty()) text += base::Cat(" named like \"", attachment.name(), "\"");
  if (!attachment.content_type().empty())
    text += base::Cat(" of type \"", attachment.content_type(), "\"");
  return text;
}

std::string DescribeTime(const v1::TimeOfDay& time) {
  std::string text = "it came";
  if (!time.from().empty()) text += base::Cat(" between ", time.from(), " and ", time.to());
  if (!time.days().empty()) text += base::Cat(" on weekdays number ", Joined(time.days()));
  return text;
}

std::string DescribeKind(const v1::Condition& condition) {
  switch (condition.kind_case()) {
    case v1::Condition::kFinding:
      return base::Cat("the finding ", condition.finding(), " was made");
    case v1::Condition::kCategory:
      return base::Cat(
          "a finding of category ",
          Words(mail::v1::FindingCategory_Name(condition.category()), "FINDING_CATEGORY_"),
          " was made");
    case v1::Condition::kScoreAtLeast:
      return absl::StrFormat("the score is at least %.1f", condition.score_at_least());
    case v1::Condition::kSender:
      return base::Cat("the sender is \"", condition.sender(), "\"");
    case v1::Condition::kRecipient:
      return base::Cat("the recipient is \"", condition.recipient(), "\"");
    case v1::Condition::kSenderDomain:
      return base::Cat("the sender's domain is \"", condition.sender_domain(), "\"");
    case v1::Condition::kNetwork:
      return base::Cat("the client is in ", Joined(condition.network().networks()));
    case v1::Condition::kHeader:
      return DescribeHeader(condition.header());
    case v1::Condition::kAttachment:
      return DescribeAttachment(condition.attachment());
    case v1::Condition::kSizeAtLeast:
      return base::Cat("it has at least ", condition.size_at_least(), " bytes");
    case v1::Condition::kDirection:
      return base::Cat("it is ",
                       Words(mail::v1::Direction_Name(condition.direction()), "DIRECTION_"));
    case v1::Condition::kAuthentication:
      return base::Cat(condition.authentication().method(), " says ",
                       Joined(condition.authentication().results()),
                       condition.authentication().aligned() ? " for the sender's domain" : "");
    case v1::Condition::kTimeOfDay:
      return DescribeTime(condition.time_of_day());
    case v1::Condition::kMessageCategory:
      return base::Cat(
          "it is of the category ",
          Words(mail::v1::MessageCategory_Name(condition.message_category()), "MESSAGE_CATEGORY_"));
    case v1::Condition::KIND_NOT_SET:
      break;
  }
  return "nothing is asked";
}

}  // namespace

std::string Describe(const v1::Condition& condition) {
  const std::string text = base::Printable(DescribeKind(condition), 300);
  return condition.negated() ? base::Cat("not: ", text) : text;
}

}  // namespace cleanmail::policy
