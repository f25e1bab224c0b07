#pragma once

#include <string>
#include <vector>

#include "libs/mail/smtp/client_machine.h"

// What a destination's answers say of a recipient. Pure.
namespace cleanmail::provisioning::callout {

enum class Answer { kExists = 1, kDoesNotExist, kUnknown };

struct Verdict {
  Answer answer = Answer::kUnknown;
  std::string words = {};  // the destination's, on one line; or why there are none
};

// What is made of one probe: the outcome of the recipient asked for, and whether the destination
// took, on the same connection, a recipient known to be good. Only the answer to RCPT itself can
// say that somebody does not exist: 5.1.x; or 5.4.1 or a 5xx without an enhanced code, which some
// servers say to everybody when they dislike the asker, only while the good one passed. Everything
// else (4xx, 5.2.x a mailbox that is full or switched off, 5.7.x a refusal of the asker, a greeting
// 554, MAIL refused, no connection) is not known.
Verdict Judge(const mail::smtp::Outcome& asked, bool known_good_passed);

// Whether Judge would depend on a known good recipient.
bool NeedsKnownGood(const mail::smtp::Outcome& asked);

}  // namespace cleanmail::provisioning::callout
