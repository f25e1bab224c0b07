#pragma once

#include <array>
#include <string>
#include <string_view>

#include "libs/base/cat.h"

// Every code that stands in a refusal of this room: what it is called, what it means, what the
// sender can do. A code, once out, keeps its meaning.
namespace cleanmail::policy {

struct RefusalCode {
  std::string_view code;
  std::string_view sentence;  // ASCII: it goes into the reply
  std::string_view advice;
};

inline constexpr RefusalCode kOutlookExpress = {
    "CMR-HDR-OE-EOL",
    "Mail from Outlook Express is not accepted: it has had no security updates since 2014",
    "Use a mail program that is still maintained. If you do not use Outlook Express, your program "
    "claims to be it; its settings or its maker can change that."};
inline constexpr RefusalCode kRule = {
    "CMR-POL-RULE", "A rule of the recipient's organisation refuses this message",
    "Ask the recipient by another way. His administrator sees which rule it was."};
inline constexpr RefusalCode kBlocked = {
    "CMR-LST-BLOCK", "The recipient's organisation does not accept mail from this sender",
    "Ask the recipient by another way to take your address off the block list."};
inline constexpr RefusalCode kNoTenant = {
    "CMR-RCP-TENANT", "This server does not handle mail for this recipient",
    "Check the address, and the MX records of its domain."};

inline constexpr std::array<RefusalCode, 4> kRefusalCodes = {kOutlookExpress, kRule, kBlocked,
                                                             kNoTenant};

// The text of a reply: the code first, then the sentence (or the tenant's own).
inline std::string RefusalText(const RefusalCode& code, std::string_view own = {}) {
  return base::Cat(code.code, " ", own.empty() ? code.sentence : own);
}

}  // namespace cleanmail::policy
