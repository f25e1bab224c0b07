#include "services/egress/delivery/courier.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/net/coroutines.h"
#include "services/egress/delivery/changes.h"
#include "services/egress/delivery/wishes.h"

namespace cleanmail::egress {
namespace {

using mail::smtp::Outcome;
using mail::smtp::Reply;
using mail::smtp::Stage;

constexpr size_t kLongestReply = 1000;
constexpr size_t kLongestQuote = 64 * 1024;         // of headers in a notice
constexpr size_t kLongestReturn = size_t{1} << 20;  // of a message in a notice (RET=FULL)

v1::RecipientDelivery ToDelivery(const std::string& address, const Outcome& outcome) {
  v1::RecipientDelivery delivery;
  delivery.set_address(address);
  delivery.set_reply(base::Printable(mail::smtp::ToText(outcome.reply), kLongestReply));
  delivery.set_state(outcome.delivered()         ? v1::DELIVERY_STATE_DELIVERED
                     : outcome.reply.permanent() ? v1::DELIVERY_STATE_REFUSED
                                                 : v1::DELIVERY_STATE_DEFERRED);
  return delivery;
}

Attempt Same(const Delivery& delivery, const Reply& reply) {
  Attempt attempt;
  for (const std::string& address : delivery.recipients) {
    attempt.recipients.push_back(
        ToDelivery(address, {.reply = reply, .stage = Stage::kConnect, .local = true}));
  }
  return attempt;
}

Reply ToReply(const absl::Status& status) {
  const std::string text(status.message());
  if (absl::IsUnavailable(status)) return {.code = 451, .enhanced = "4.4.3", .text = text};
  if (absl::IsFailedPrecondition(status)) return {.code = 554, .enhanced = "5.4.6", .text = text};
  return {.code = 550, .enhanced = "5.1.2", .text = text};
}

// A domain we take mail for lacks its route: an administrator's matter, and no fault of the mail.
Attempt WithoutRoute(const Delivery& delivery, const absl::Status& why) {
  Attempt attempt = Same(delivery, {.code = 451,
                                    .enhanced = "4.4.4",
                                    .text = base::Cat("no route is set for ", delivery.destination,
                                                      ", and ", why.message())});
  attempt.wants_route = true;
  return attempt;
}

// Whether the server, not the message, was the trouble: then the next server may do better (RFC
// 5321 §5.1).
bool TryNext(const std::vector<Outcome>& outcomes) {
  return std::ranges::all_of(outcomes, [](const Outcome& o) {
    return !o.delivered() && o.local && o.reply.transient() && o.stage != Stage::kEnd;
  });
}

// Keeps of the message what a notice of this attempt may quote.
void Quote(const Delivery& delivery, std::string_view body, Attempt& attempt) {
  const bool may_fail = std::ranges::any_of(
      attempt.recipients, [](const auto& r) { return r.state() != v1::DELIVERY_STATE_DELIVERED; });
  const bool may_tell = may_fail || std::ranges::any_of(attempt.recipients, [&](const auto& r) {
                          return WishesOf(delivery, r.address()).on_success;
                        });
  if (!may_tell) return;
  const bool asked = delivery.message.envelope().dsn_return() == "FULL";
  attempt.original_is_whole = may_fail && asked && body.size() <= kLongestReturn;
  attempt.original = attempt.original_is_whole
                         ? body
                         : body.substr(0, std::min(body.find("\r\n\r\n"), kLongestQuote));
}

}  // namespace

// Whether mail for the destination is the tenant's to route, though no route is known. A domain can
// be so new that only the mail that was accepted for it tells.
bool Courier::IsHosted(const Delivery& delivery) const {
  const std::string& tenant = delivery.message.tenant();
  if (!router_.RouteOf(tenant, delivery.destination).empty()) return false;
  if (router_.IsHosted(tenant, delivery.destination)) return true;
  if (delivery.message.direction() != mail::v1::DIRECTION_INBOUND) return false;
  const auto& recipients = delivery.message.envelope().recipients();
  return std::ranges::any_of(recipients, [&](const std::string& address) {
    return DestinationOf(address) == delivery.destination;
  });
}

// The message as it leaves: with its changes and, inbound, its seal.
std::string Courier::Changed(std::string body, const Delivery& delivery) const {
  mail::mime::Rewritten rewritten =
      mail::mime::Rewrite(std::move(body), ChangesOf(delivery.actions));
  metrics_.changes_undone.Add(static_cast<int64_t>(rewritten.undone.size()));
  if (sealer_ == nullptr || delivery.message.direction() != mail::v1::DIRECTION_INBOUND)
    return std::move(rewritten.message);
  absl::StatusOr<std::string> sealed =
      sealer_->Seal(rewritten.message, ResultsIn(delivery.actions));
  (sealed.ok() ? metrics_.sealed : metrics_.unsealed).Add();
  return sealed.ok() ? *std::move(sealed) : std::move(rewritten.message);
}

net::Task<absl::StatusOr<std::string>> Courier::Body(net::Loop& loop, const Delivery& delivery) {
  if (!delivery.content.empty()) co_return delivery.content;
  const blob::BlobName name = {.tenant = delivery.message.tenant(),
                               .message = delivery.message.id()};
  if (sealer_ == nullptr) {  // a seal takes its time
    std::optional<std::string> body = blobs_.ReadAtHand(name);
    if (body.has_value()) {
      if (!delivery.actions.empty()) body = Changed(*std::move(body), delivery);
      co_return *std::move(body);
    }
  }
  // Named, and only a reference captured: gcc 12 destroys a temporary with captures in a co_await
  // expression twice.
  const auto read = [this, &name, &delivery]() -> absl::StatusOr<std::string> {
    absl::StatusOr<std::string> body = blobs_.Read(name);
    if (!body.ok() || delivery.actions.empty()) return body;
    return Changed(*std::move(body), delivery);
  };
  co_return co_await net::OnPool(loops_, loop, read);
}

net::Task<std::vector<Outcome>> Courier::Over(Session& session, const Delivery& delivery,
                                              std::string_view body) {
  const mail::v1::Envelope& envelope = delivery.message.envelope();
  mail::smtp::Transaction transaction{.sender = delivery.content.empty() ? envelope.sender() : "",
                                      .recipients = delivery.recipients,
                                      .smtp_utf8 = envelope.smtp_utf8(),
                                      .eight_bit = envelope.eight_bit(),
                                      .size = static_cast<int64_t>(body.size())};
  if (delivery.content.empty()) {
    transaction.dsn_return = envelope.dsn_return();
    transaction.envelope_id = envelope.dsn_envelope_id();
    for (const std::string& address : delivery.recipients)
      transaction.recipient_parameters.push_back(WishesOf(delivery, address));
  }
  co_return co_await session.Deliver(std::move(transaction), body);
}

net::Task<Attempt> Courier::Try(net::Loop& loop, std::unique_ptr<Session>& session,
                                const Delivery& delivery) {
  const absl::StatusOr<std::string> body = co_await Body(loop, delivery);
  if (!body.ok()) {
    const bool gone = absl::IsNotFound(body.status()) || absl::IsDataLoss(body.status());
    co_return Same(delivery, {.code = gone ? 554 : 451,
                              .enhanced = gone ? "5.3.0" : "4.3.0",
                              .text = base::Cat("The stored message: ", body.status().message())});
  }
  std::vector<Outcome> outcomes;
  Attempt attempt;
  if (session != nullptr) {
    attempt.remote = session->remote();
    attempt.tls = session->tls();
    attempt.server_notifies = session->extensions().dsn;
    outcomes = co_await Over(*session, delivery, *body);
    if (!session->usable()) session.reset();
  }
  if (outcomes.empty() ||
      TryNext(outcomes)) {  // a kept connection may have been closed meanwhile: that is no attempt
    const auto targets =
        co_await net::Await<absl::StatusOr<std::vector<Target>>>(loop, [&](auto done) {
          router_.Find(delivery.message.tenant(), delivery.destination, std::move(done));
        });
    if (!targets.ok()) {
      co_return IsHosted(delivery) ? WithoutRoute(delivery, targets.status())
                                   : Same(delivery, ToReply(targets.status()));
    }
    for (const Target& target : *targets) {
      Session::Opened opened = co_await Session::Open(loop, target, options_, tls_);
      attempt.remote = base::Cat(target.host, "[", target.endpoint.address.ToString(),
                                 "]:", target.endpoint.port);
      if (opened.session == nullptr) {
        outcomes.assign(delivery.recipients.size(), opened.failure);
        continue;
      }
      session = std::move(opened.session);
      // Only of inbound mail's destinations does ingress ask.
      if (delivery.message.direction() == mail::v1::DIRECTION_INBOUND) {
        lore_.Learn(delivery.message.tenant(), delivery.destination, target.host,
                    session->extensions());
      }
      attempt.tls = session->tls();
      attempt.server_notifies = session->extensions().dsn;
      outcomes = co_await Over(*session, delivery, *body);
      if (!session->usable()) session.reset();
      if (!TryNext(outcomes)) break;
    }
  }
  if (session != nullptr && session->messages() >= messages_per_session_) {
    co_await session->Quit();
    session.reset();
  }
  for (size_t i = 0; i < delivery.recipients.size(); ++i) {
    const Outcome lost{.reply = {.code = 451,
                                 .enhanced = "4.4.2",
                                 .text = "the conversation ended without an answer"},
                       .stage = Stage::kConnect,
                       .local = true};
    attempt.recipients.push_back(
        ToDelivery(delivery.recipients[i], i < outcomes.size() ? outcomes[i] : lost));
  }
  Quote(delivery, *body, attempt);
  co_return attempt;
}

}  // namespace cleanmail::egress
