#include "services/egress/queue/settlement.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "services/egress/delivery/wishes.h"
#include "services/egress/queue/notice.h"

namespace cleanmail::egress {
namespace {

using mail::report::dsn::Action;

// Whom a failure of this delivery is told; notices of other kinds go only where this is SENT.
v1::FailureNotice NoticeFor(const Delivery& delivery) {
  // A notice or a copy that cannot be delivered ends here: its sender knows nothing of it.
  if (!delivery.content.empty() || delivery.stage.starts_with("copy/"))
    return v1::FAILURE_NOTICE_NULL_SENDER;
  if (delivery.message.direction() == mail::v1::DIRECTION_INBOUND) return v1::FAILURE_NOTICE_HELD;
  return delivery.message.envelope().sender().empty() ? v1::FAILURE_NOTICE_NULL_SENDER
                                                      : v1::FAILURE_NOTICE_SENT;
}

bool IsFailure(v1::DeliveryState state) {
  return state == v1::DELIVERY_STATE_REFUSED || state == v1::DELIVERY_STATE_EXPIRED;
}

// What is to be told of a recipient; nullopt: nothing. `late`: it is time to tell of a delay.
std::optional<Action> ToTell(const v1::RecipientDelivery& recipient,
                             const mail::smtp::RecipientParameters& wishes, bool late,
                             const Attempt& attempt) {
  const v1::DeliveryState state = recipient.state();
  if (IsFailure(state) && WantsFailure(wishes)) return Action::kFailed;
  if (state == v1::DELIVERY_STATE_DEFERRED && wishes.on_delay && late) return Action::kDelayed;
  // A server that offers DSN tells by itself (RFC 3461 §5.2.1, §5.2.2).
  if (state == v1::DELIVERY_STATE_DELIVERED && wishes.on_success && !attempt.server_notifies)
    return Action::kRelayed;
  return std::nullopt;
}

// When to try again what is left: in time to tell of a delay where somebody asked for that.
absl::Time NextAttempt(const Delivery& delivery, absl::Time backoff, absl::Time late_at,
                       absl::Time now) {
  if (delivery.delay_told || late_at <= now || backoff <= late_at) return backoff;
  const bool asked = std::ranges::any_of(delivery.recipients, [&](const std::string& address) {
    return WishesOf(delivery, address).on_delay;
  });
  return asked ? late_at : backoff;
}

}  // namespace

Settlement Park(Delivery delivery, const base::Clock& clock) {
  Settlement settlement;
  v1::DeliveryChanged& news = settlement.news;
  delivery.parked = true;
  // Due since it was accepted, so that claiming by due time, once it may go on, is claiming in that
  // order: events may come here in another.
  delivery.next_attempt_at_us = delivery.message.accepted_at_us() > 0
                                    ? delivery.message.accepted_at_us()
                                    : delivery.created_at_us;
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
  const absl::Time late_at = absl::FromUnixMicros(delivery.created_at_us) + options.delay_notice;
  const bool late = now >= late_at && !delivery.delay_told;
  std::vector<std::string> left;
  std::vector<Told> told;
  bool failed = false;
  for (v1::RecipientDelivery& recipient : attempt.recipients) {
    if (recipient.state() == v1::DELIVERY_STATE_DEFERRED && expired)
      recipient.set_state(v1::DELIVERY_STATE_EXPIRED);
    if (recipient.state() == v1::DELIVERY_STATE_DEFERRED) left.push_back(recipient.address());
    failed = failed || IsFailure(recipient.state());
    const auto wishes = WishesOf(delivery, recipient.address());
    if (const auto action = ToTell(recipient, wishes, late, attempt); action.has_value()) {
      told.push_back({.action = *action, .recipient = recipient});
      delivery.delay_told = delivery.delay_told || *action == Action::kDelayed;
    }
    delivery.last_reply = recipient.reply();
    *news.add_recipients() = std::move(recipient);
  }
  delivery.recipients = std::move(left);
  if (!delivery.recipients.empty()) {
    const absl::Time backoff = now + options.backoff.After(delivery.attempts, random);
    delivery.next_attempt_at_us = absl::ToUnixMicros(NextAttempt(delivery, backoff, late_at, now));
    news.set_next_attempt_at_us(delivery.next_attempt_at_us);
  }
  news.set_message_id(delivery.message.id());
  news.set_tenant(delivery.message.tenant());
  news.set_stage(delivery.stage);
  news.set_attempt(delivery.attempts);
  news.set_remote(attempt.remote);
  news.set_tls(attempt.tls);
  news.set_at_us(absl::ToUnixMicros(now));
  const v1::FailureNotice notice = NoticeFor(delivery);
  if (failed) {
    const bool told_of_failure =
        std::ranges::any_of(told, [](const Told& one) { return one.action == Action::kFailed; });
    news.set_notice(notice == v1::FAILURE_NOTICE_SENT && !told_of_failure
                        ? v1::FAILURE_NOTICE_NOT_WANTED
                        : notice);
    *news.mutable_message() = delivery.message;
  }
  if (notice == v1::FAILURE_NOTICE_SENT && !told.empty()) {
    const absl::Time retry_until = absl::FromUnixMicros(delivery.created_at_us) + life;
    settlement.notice = MakeNotice(delivery, told, attempt, retry_until, options.host_name, now);
  }
  settlement.delivery = std::move(delivery);
  return settlement;
}

}  // namespace cleanmail::egress
