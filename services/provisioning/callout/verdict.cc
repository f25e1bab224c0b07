#include "services/provisioning/callout/verdict.h"

#include "libs/base/cat.h"

namespace cleanmail::provisioning::callout {
namespace {

using mail::smtp::Outcome;
using mail::smtp::Stage;

bool IsOfRecipient(const Outcome& outcome) {
  return outcome.stage == Stage::kRecipient && !outcome.local;
}

// Codes that only count beside a known good recipient that passed.
bool IsDoubtful(const Outcome& outcome) {
  return outcome.reply.permanent() &&
         (outcome.reply.enhanced.empty() || outcome.reply.enhanced == "5.4.1");
}

// 5.1.x, but for what is said of the sender (5.1.7, 5.1.8; RFC 3463 §3.2).
bool IsAboutAddress(const Outcome& outcome) {
  const std::string& enhanced = outcome.reply.enhanced;
  return outcome.reply.permanent() && enhanced.starts_with("5.1.") && enhanced != "5.1.7" &&
         enhanced != "5.1.8";
}

}  // namespace

bool NeedsKnownGood(const Outcome& asked) { return IsOfRecipient(asked) && IsDoubtful(asked); }

Verdict Judge(const Outcome& asked, bool known_good_passed) {
  Verdict verdict{.answer = Answer::kUnknown, .words = mail::smtp::ToText(asked.reply)};
  if (!IsOfRecipient(asked)) return verdict;
  if (asked.reply.positive()) {
    verdict.answer = Answer::kExists;
  } else if (IsAboutAddress(asked) || (IsDoubtful(asked) && known_good_passed)) {
    verdict.answer = Answer::kDoesNotExist;
  }
  return verdict;
}

}  // namespace cleanmail::provisioning::callout
