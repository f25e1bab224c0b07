#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/mailbox.h"
#include "libs/mail/address/utf8.h"
#include "services/policy/rules/rule.h"

namespace cleanmail::policy {
namespace {

constexpr size_t kLongestTag = 50;
constexpr size_t kLongestHeaderValue = 500;
constexpr size_t kLongestBanner = 10'000;
constexpr size_t kLongestRefusal = 200;
constexpr int kMostRedirects = 10;

absl::Status Wrong(std::string_view field, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat(field, ": ", why));
}

absl::Status CheckAddress(std::string_view field, const std::string& address) {
  const auto mailbox = mail::address::ParseMailbox(address);
  if (!mailbox.ok()) return base::Annotate(mailbox.status(), field);
  if (mailbox->domain.empty()) return Wrong(field, "an address with a domain is needed");
  return absl::OkStatus();
}

absl::Status CheckText(std::string_view field, std::string_view text, size_t longest) {
  if (text.size() > longest) return Wrong(field, base::Cat("longer than ", longest, " bytes"));
  if (!mail::address::IsPrintableUtf8(text))
    return Wrong(field, "not UTF-8, or control characters in it");
  return absl::OkStatus();
}

// Fields on which delivery, threading, or trust in the message depends: RFC 5322 §3.6, RFC 2045,
// RFC 6376, RFC 8601, RFC 8617.
bool IsReserved(std::string_view name) {
  constexpr std::array<std::string_view, 22> kReserved = {
      "from",         "sender",
      "to",           "cc",
      "bcc",          "subject",
      "date",         "message-id",
      "in-reply-to",  "references",
      "reply-to",     "return-path",
      "received",     "mime-version",
      "received-spf", "authentication-results",
      "dkim-signature", "domainkey-signature",
      "errors-to",    "apparently-to",
      "delivered-to", "disposition-notification-to"};
  for (const std::string_view begin : {"arc-", "content-", "resent-"}) {
    if (name.starts_with(begin)) return true;
  }
  return std::ranges::find(kReserved, name) != kReserved.end();
}

absl::Status CheckHeader(const mail::v1::HeaderField& field) {
  const std::string name = Lower(field.name());
  const auto is_name_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > 70 || !std::ranges::all_of(name, is_name_character))
    return Wrong("add_header.name", "letters, digits, hyphens and underscores are needed");
  if (IsReserved(name)) return Wrong("add_header.name", "this field may not be added by a rule");
  return CheckText("add_header.value", field.value(), kLongestHeaderValue);
}

absl::Status CheckBanner(const mail::v1::Banner& banner) {
  if (banner.text().empty() && banner.html().empty())
    return Wrong("banner", "text or html is needed");
  for (const auto& [field, text] : {std::pair<std::string_view, const std::string&>{
                                        "banner.text", banner.text()},
                                    {"banner.html", banner.html()}}) {
    if (text.size() > kLongestBanner)
      return Wrong(field, base::Cat("longer than ", kLongestBanner, " bytes"));
    std::string without_breaks = text;
    std::ranges::replace_if(
        without_breaks, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    if (!mail::address::IsPrintableUtf8(without_breaks))
      return Wrong(field, "not UTF-8, or control characters in it");
  }
  return absl::OkStatus();
}

absl::Status CheckRefuse(const v1::Refuse& refuse) {
  CLEANMAIL_RETURN_IF_ERROR(CheckText("refuse.text", refuse.text(), kLongestRefusal));
  if (!mail::address::IsAscii(refuse.text()))
    return Wrong("refuse.text", "a reply is ASCII (RFC 5321 section 4.2)");
  return absl::OkStatus();
}

absl::Status CheckRedirect(const v1::Redirect& redirect) {
  if (redirect.to().empty() || redirect.to_size() > kMostRedirects)
    return Wrong("redirect.to", "1 to 10 addresses are needed");
  for (int i = 0; i < redirect.to_size(); ++i)
    CLEANMAIL_RETURN_IF_ERROR(CheckAddress(base::Cat("redirect.to[", i, "]"), redirect.to(i)));
  return absl::OkStatus();
}

absl::Status CheckStrip(const v1::StripMatching& strip) {
  CLEANMAIL_RETURN_IF_ERROR(
      base::Annotate(TextPattern::Glob(strip.name()).status(), "strip_attachments.name"));
  CLEANMAIL_RETURN_IF_ERROR(base::Annotate(TextPattern::Glob(strip.content_type()).status(),
                                           "strip_attachments.content_type"));
  return CheckText("strip_attachments.note", strip.note(), kLongestHeaderValue);
}

}  // namespace

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= 63 && id.front() != '-' && id.back() != '-' &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool IsDisposition(const v1::RuleAction& action) {
  switch (action.kind_case()) {
    case v1::RuleAction::kDeliver:
    case v1::RuleAction::kHold:
    case v1::RuleAction::kRefuse:
    case v1::RuleAction::kDiscard:
    case v1::RuleAction::kRedirect:
      return true;
    default:
      return false;
  }
}

absl::Status CheckAction(const v1::RuleAction& action) {
  switch (action.kind_case()) {
    case v1::RuleAction::kDeliver:
    case v1::RuleAction::kDiscard:
      return absl::OkStatus();
    case v1::RuleAction::kHold:
      if (!action.hold().quarantine().empty() && !IsId(action.hold().quarantine()))
        return Wrong("hold.quarantine", "1 to 63 lower-case letters, digits and inner hyphens");
      return absl::OkStatus();
    case v1::RuleAction::kRefuse:
      return CheckRefuse(action.refuse());
    case v1::RuleAction::kRedirect:
      return CheckRedirect(action.redirect());
    case v1::RuleAction::kTagSubject:
      if (action.tag_subject().empty()) return Wrong("tag_subject", "a text is needed");
      return CheckText("tag_subject", action.tag_subject(), kLongestTag);
    case v1::RuleAction::kAddHeader:
      return CheckHeader(action.add_header());
    case v1::RuleAction::kBanner:
      return CheckBanner(action.banner());
    case v1::RuleAction::kStripAttachments:
      return CheckStrip(action.strip_attachments());
    case v1::RuleAction::kCopyTo:
      return CheckAddress("copy_to", action.copy_to());
    case v1::RuleAction::kNotify:
      return CheckAddress("notify", action.notify());
    case v1::RuleAction::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("one kind of action is needed");
}

}  // namespace cleanmail::policy
