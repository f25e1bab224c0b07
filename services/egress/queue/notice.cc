#include "services/egress/queue/notice.h"

#include "libs/base/cat.h"
#include "libs/mail/address/domain.h"
#include "services/egress/delivery/wishes.h"

namespace cleanmail::egress {
namespace {

using mail::report::dsn::Action;

// The enhanced code of a reply on one line, "550 5.1.1 No such user", if it is of this class; a
// general one otherwise.
std::string StatusOf(std::string_view reply, char status_class) {
  constexpr size_t kCodeLength = 4;  // "550 "
  if (reply.size() > kCodeLength) {
    const std::string_view rest = reply.substr(kCodeLength);
    const std::string_view word = rest.substr(0, rest.find(' '));
    const bool is_code = word.size() >= 5 &&
                         word.find_first_not_of("0123456789.") == std::string_view::npos &&
                         word[1] == '.';
    if (is_code && word[0] == status_class) return std::string(word);
  }
  return std::string(1, status_class) + ".0.0";
}

std::string StatusOf(const Told& told) {
  switch (told.action) {
    case Action::kDelayed:
      return StatusOf(told.recipient.reply(), '4');
    case Action::kRelayed:
      return StatusOf(told.recipient.reply(), '2');
    case Action::kFailed:
      break;
  }
  if (told.recipient.state() == v1::DELIVERY_STATE_EXPIRED) return "5.4.7";  // RFC 3463 §3.5
  return StatusOf(told.recipient.reply(), '5');
}

// Its name out of `name[address]:port`.
std::string HostOf(std::string_view remote) {
  return std::string(remote.substr(0, remote.find('[')));
}

}  // namespace

Delivery MakeNotice(const Delivery& delivery, const std::vector<Told>& told, const Attempt& attempt,
                    absl::Time retry_until, std::string_view host_name, absl::Time now) {
  const mail::v1::Envelope& envelope = delivery.message.envelope();
  const std::string& sender = envelope.sender();
  mail::report::dsn::Notice notice{
      .reporting_host = std::string(host_name),
      .to = sender,
      .arrived = absl::FromUnixMicros(delivery.message.accepted_at_us()),
      .now = now,
      .retry_until = retry_until,
      .id = base::Cat(delivery.message.id(), "-", delivery.attempts),
      .envelope_id = envelope.dsn_envelope_id(),
      .recipients = {},
      .original = attempt.original,
      .return_all = attempt.original_is_whole,
      .smtp_utf8 = envelope.smtp_utf8()};
  for (const Told& one : told) {
    notice.recipients.push_back(
        {.action = one.action,
         .address = one.recipient.address(),
         .status = StatusOf(one),
         .diagnostic = one.recipient.reply(),
         .remote = HostOf(attempt.remote),
         .original = WishesOf(delivery, one.recipient.address()).original_recipient});
  }
  const std::string domain = sender.substr(sender.rfind('@') + 1);
  const absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
  const int64_t now_us = absl::ToUnixMicros(now);
  // One notice for each attempt that is told of: the same attempt recorded twice makes the same
  // notice.
  const std::string work = delivery.id.substr(delivery.message.id().size() + 1);
  const std::string stage = base::Cat("notice/", work, "/", delivery.attempts);
  return {.id = base::Cat(delivery.message.id(), "/", stage),
          .stage = stage,
          .destination = normal.ok() ? *normal : domain,
          .recipients = {sender},
          .created_at_us = now_us,
          .next_attempt_at_us = now_us,
          .last_reply = {},
          .message = delivery.message,
          .actions = {},
          .content = mail::report::dsn::MakeNotice(notice)};
}

}  // namespace cleanmail::egress
