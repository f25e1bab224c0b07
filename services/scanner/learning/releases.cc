#include "services/scanner/learning/releases.h"

#include <array>
#include <string>
#include <string_view>

#include "libs/base/status_macros.h"

namespace cleanmail::scanner::learning {
namespace {

bool WasHeldAsSpam(const quarantine::v1::MailReleased& released) {
  return released.held_as() == mail::v1::HOLD_KIND_SPAM ||
         released.held_as() == mail::v1::HOLD_KIND_UNLISTED;
}

absl::Status Learn(const ReleaseParts& parts, const mail::v1::Message& message) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string mail, parts.blobs.Read({.tenant = message.tenant(),
                                                                       .message = message.id()}));
  const std::array<std::string_view, 1> mails = {mail};
  return parts.lessons.Teach(message.tenant(), Kind::kHam, mails).status();
}

}  // namespace

std::vector<absl::Status> OnReleased(const ReleaseParts& parts,
                                     std::span<const quarantine::v1::MailReleased> batch) {
  std::vector<absl::Status> statuses;
  for (const quarantine::v1::MailReleased& released : batch) {
    absl::Status learnt = absl::OkStatus();
    if (WasHeldAsSpam(released)) learnt = Learn(parts, released.message());
    // A body that is gone, or a mail without words: it was delivered all the same.
    if (!learnt.ok() && !absl::IsUnavailable(learnt)) {
      parts.log.Info("scanner.learning.release_not_learnt",
                     {{"message", released.message_id()},
                      {"tenant", released.message().tenant()},
                      {"why", learnt.ToString()}});
      learnt = absl::OkStatus();
    }
    statuses.push_back(std::move(learnt));
  }
  return statuses;
}

}  // namespace cleanmail::scanner::learning
