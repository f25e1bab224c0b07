#include "services/egress/queue/settlement.h"

#include "libs/base/cat.h"
#include "services/egress/queue/notice.h"

namespace cleanmail::egress {
namespace {

v1::FailureNotice NoticeFor(const Delivery& delivery) {
  // A notice or a copy that cannot be delivered ends here: its sender knows nothing of it.
  if (!delivery.content.empty() || delivery.stage.starts_with("copy/"))
    return v1::FAILURE_NOTICE_NULL_SENDER;
  if (delivery.message.direction() == mail::v1::DIRECTION_INBOUND) return v1::FAILURE_NOTICE_HELD;
  return delivery.message.envelope().sender().empty() ? v1::FAILURE_NOTICE_NULL_SENDER
                                                      : v1::FAILURE_NOTICE_SENT;
}

}  // namespace

Settlement Park(Delivery delivery, const base::Clock& clock) {
  Settlement settlement;
  v1::DeliveryChanged& news = settlement.news;
  delivery.parked = true;
  delivery.last_reply = "Delivery to this domain is switched off by its administrator";
  for (const std::string& address : delivery.recipients) {
    v1::RecipientDelivery& recipient = *news.add_recipients();
    recipient.set_address(address);
    recipient.set_state(v1::DELIVERY_STATE_DEFERRED);
    recipient.set_reply(delivery.last_reply);
  }
  news.set_message_id(delivery.message.id());
  news.set_tenant(delivery.message.tenant());
  news.set_stage(delivery.stage);
  news.set_attempt(delivery.attempts);
  news.set_at_us(base::NowMicros(clock));
  settlement.delivery = std::move(delivery);
  return settlement;
}

Settlement Settle(Delivery delivery, Attempt attempt, absl::Duration life,
                  const SettlementOptions& options, const base::Clock& clock,
                  base::Random& random) {
  const absl::Time now = clock.Now();
  Settlement settlement;
  v1::DeliveryChanged& news = settlement.news;
  delivery.attempts += 1;
  const bool expired = now - absl::FromUnixMicros(delivery.created_at_us) >= life;
  std::vector<std::string> left;
  std::vector<v1::RecipientDelivery> failed;
  for (v1::RecipientDelivery& recipient : attempt.recipients) {
    if (recipient.state() == v1::DELIVERY_STATE_DEFERRED && expired)
      recipient.set_state(v1::DELIVERY_STATE_EXPIRED);
    if (recipient.state() == v1::DELIVERY_STATE_DEFERRED) left.push_back(recipient.address());
    if (recipient.state() == v1::DELIVERY_STATE_REFUSED ||
        recipient.state() == v1::DELIVERY_STATE_EXPIRED)
      failed.push_back(recipient);
    delivery.last_reply = recipient.reply();
    *news.add_recipients() = std::move(recipient);
  }
  delivery.recipients = std::move(left);
  if (!delivery.recipients.empty()) {
    delivery.next_attempt_at_us =
        absl::ToUnixMicros(now + options.backoff.After(delivery.attempts, random));
    news.set_next_attempt_at_us(delivery.next_attempt_at_us);
  }
  news.set_message_id(delivery.message.id());
  news.set_tenant(delivery.message.tenant());
  news.set_stage(delivery.stage);
  news.set_attempt(delivery.attempts);
  news.set_remote(attempt.remote);
  news.set_tls(attempt.tls);
  news.set_at_us(absl::ToUnixMicros(now));
  if (!failed.empty()) {
    news.set_notice(NoticeFor(delivery));
    *news.mutable_message() = delivery.message;
    if (news.notice() == v1::FAILURE_NOTICE_SENT)
      settlement.notice = MakeNotice(delivery, failed, attempt.headers, options.host_name, now);
  }
  settlement.delivery = std::move(delivery);
  return settlement;
}

}  // namespace cleanmail::egress
