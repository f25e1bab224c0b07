#include "services/egress/queue/notice.h"

#include "libs/base/cat.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/report/dsn/notice.h"

namespace cleanmail::egress {
namespace {

// The enhanced code of a reply on one line, "550 5.1.1 No such user"; a general one where the
// server gave none.
std::string StatusOf(std::string_view reply) {
  constexpr size_t kCodeLength = 4;  // "550 "
  if (reply.size() > kCodeLength) {
    const std::string_view rest = reply.substr(kCodeLength);
    const std::string_view word = rest.substr(0, rest.find(' '));
    const bool is_code = word.size() >= 5 &&
                         word.find_first_not_of("0123456789.") == std::string_view::npos &&
                         word[1] == '.';
    if (is_code && word[0] != '4') return std::string(word);
  }
  return "5.0.0";
}

}  // namespace

Delivery MakeNotice(const Delivery& delivery, const std::vector<v1::RecipientDelivery>& failed,
                    std::string_view headers, std::string_view host_name, absl::Time now) {
  const std::string& sender = delivery.message.envelope().sender();
  mail::report::dsn::Failure failure{
      .reporting_host = std::string(host_name),
      .to = sender,
      .arrived = absl::FromUnixMicros(delivery.message.accepted_at_us()),
      .now = now,
      .id = base::Cat(delivery.message.id(), "-", delivery.attempts),
      .recipients = {},
      .original_headers = std::string(headers)};
  for (const v1::RecipientDelivery& recipient : failed) {
    failure.recipients.push_back({.address = recipient.address(),
                                  .status = StatusOf(recipient.reply()),
                                  .diagnostic = recipient.reply(),
                                  .remote = {}});
  }
  const std::string domain = sender.substr(sender.rfind('@') + 1);
  const absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
  const std::string destination = normal.ok() ? *normal : domain;
  const int64_t now_us = absl::ToUnixMicros(now);
  // One notice for each attempt that ended something: the same attempt recorded twice makes the
  // same notice.
  const std::string stage =
      base::Cat("notice/", delivery.stage, "/", delivery.destination, "/", delivery.attempts);
  return {.id = base::Cat(delivery.message.id(), "/", stage),
          .stage = stage,
          .destination = destination,
          .recipients = {sender},
          .created_at_us = now_us,
          .next_attempt_at_us = now_us,
          .last_reply = {},
          .message = delivery.message,
          .actions = {},
          .content = MakeFailureNotice(failure)};
}

}  // namespace cleanmail::egress
