#include "services/egress/queue/fan_out.h"

#include <map>

#include "absl/strings/str_join.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/mail/mime/date.h"
#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/writer.h"

namespace cleanmail::egress {
namespace {

using mail::v1::Action;
using Addresses = google::protobuf::RepeatedPtrField<std::string>;
using Actions = google::protobuf::RepeatedPtrField<Action>;

Delivery MakeDelivery(const mail::v1::Message& message, std::string id, std::string stage,
                      const std::string& destination, absl::Time now) {
  const int64_t now_us = absl::ToUnixMicros(now);
  Delivery delivery;
  delivery.id = std::move(id);
  delivery.stage = std::move(stage);
  delivery.destination = destination;
  delivery.created_at_us = now_us;
  delivery.next_attempt_at_us = now_us;
  delivery.message = message;
  return delivery;
}

// What one part of an event becomes. `index`: its number among the groups of the event, since two
// groups may have recipients in one domain.
class Fan {
 public:
  Fan(const mail::v1::Message& message, absl::Time now, std::vector<Delivery>& deliveries)
      : message_(message), now_(now), deliveries_(deliveries) {}

  void AddDeliveries(const std::string& stage, int index, const Addresses& recipients,
                     const Actions& actions) {
    std::map<std::string, std::vector<std::string>> by_destination;
    for (const std::string& address : recipients)
      by_destination[DestinationOf(address)].push_back(address);
    const std::string group = index == 0 ? "" : base::Cat("/", index);
    for (auto& [destination, addresses] : by_destination) {
      Delivery delivery =
          MakeDelivery(message_, base::Cat(message_.id(), "/", stage, "/", destination, group),
                       stage, destination, now_);
      delivery.recipients = std::move(addresses);
      for (const Action& action : actions) {
        if (!action.has_copy_to() && !action.has_notify()) delivery.actions.push_back(action);
      }
      deliveries_.push_back(std::move(delivery));
    }
  }

  // As the message came, to people its sender did not write to: no failure of it is told to him.
  void AddCopies(const std::string& stage, const Actions& actions) {
    for (const Action& action : actions) {
      if (!action.has_copy_to()) continue;
      const std::string copy = base::Cat("copy/", stage);
      Delivery delivery =
          MakeDelivery(message_, base::Cat(message_.id(), "/", copy, "/", action.copy_to()), copy,
                       DestinationOf(action.copy_to()), now_);
      delivery.recipients = {action.copy_to()};
      // Whoever gets it shall know, too, what was found out about its sender.
      for (const Action& each : actions) {
        if (each.has_authentication_results()) delivery.actions.push_back(each);
      }
      deliveries_.push_back(std::move(delivery));
    }
  }

  void AddNotices(const std::string& stage, const mail::v1::RecipientGroup& group,
                  std::string_view host_name) {
    for (const Action& action : group.actions()) {
      if (!action.has_notify()) continue;
      const std::string notice = base::Cat("notify/", stage);
      Delivery delivery = MakeDelivery(
          message_, base::Cat(message_.id(), "/", notice, "/", action.rule(), "/", action.notify()),
          notice, DestinationOf(action.notify()), now_);
      delivery.recipients = {action.notify()};
      delivery.content = NoticeText(action, group, host_name);
      deliveries_.push_back(std::move(delivery));
    }
  }

 private:
  static std::string_view InWords(mail::v1::DispositionKind kind) {
    switch (kind) {
      case mail::v1::DISPOSITION_KIND_DELIVER:
        return "delivered";
      case mail::v1::DISPOSITION_KIND_HOLD:
        return "held in quarantine";
      case mail::v1::DISPOSITION_KIND_DISCARD:
        return "discarded";
      case mail::v1::DISPOSITION_KIND_REDIRECT:
        return "delivered to other addresses instead";
      default:
        return "kept";
    }
  }

  std::string NoticeText(const Action& action, const mail::v1::RecipientGroup& group,
                         std::string_view host_name) const {
    constexpr size_t kMost = 1000;
    const std::string sender = message_.envelope().sender();
    mail::mime::Part part = mail::mime::TextPart(base::Cat(
        "A rule of your organisation asked to tell you about a message.\r\n\r\n",
        "Rule:       ", base::Printable(action.rule(), kMost),
        "\r\nSender:     ", base::Printable(sender.empty() ? "<>" : sender, kMost),
        "\r\nRecipients: ", base::Printable(absl::StrJoin(group.recipients(), ", "), kMost),
        "\r\nSubject:    ", base::Printable(message_.subject(), kMost), "\r\nMessage:    ",
        message_.id(), "\r\n\r\nIt was ", InWords(group.disposition()), ".\r\n"));
    mail::mime::HeaderFields fields = {
        {"Date", mail::mime::FormatDate(now_)},
        {"From", base::Cat("Mail gateway <postmaster@", host_name, ">")},
        {"To", base::Cat("<", action.notify(), ">")},
        {"Subject", mail::mime::EncodeWords(
                        base::Cat("Mail gateway: rule ", base::Printable(action.rule(), 100)))},
        {"Message-ID", base::Cat("<notify-", message_.id(), "@", host_name, ">")},
        {"Auto-Submitted", "auto-generated"},  // RFC 3834 §5
        {"MIME-Version", "1.0"}};
    fields.insert(fields.end(), part.fields.begin(), part.fields.end());
    part.fields = std::move(fields);
    return Write(part);
  }

  const mail::v1::Message& message_;
  const absl::Time now_;
  std::vector<Delivery>& deliveries_;
};

}  // namespace

std::vector<Delivery> FanOut(const policy::v1::MailDisposed& disposed, std::string_view host_name,
                             absl::Time now) {
  std::vector<Delivery> deliveries;
  Fan fan(disposed.message(), now, deliveries);
  const std::string stage = base::Cat("disposed/", disposed.generation());
  for (int i = 0; i < disposed.groups_size(); ++i) {
    const mail::v1::RecipientGroup& group = disposed.groups(i);
    const bool redirected = group.disposition() == mail::v1::DISPOSITION_KIND_REDIRECT;
    if (redirected || group.disposition() == mail::v1::DISPOSITION_KIND_DELIVER) {
      fan.AddDeliveries(stage, i, redirected ? group.redirect_to() : group.recipients(),
                        group.actions());
      fan.AddCopies(stage, group.actions());
    }
    fan.AddNotices(stage, group, host_name);
  }
  return deliveries;
}

std::vector<Delivery> FanOut(const quarantine::v1::MailReleased& released, absl::Time now) {
  std::vector<Delivery> deliveries;
  Fan fan(released.message(), now, deliveries);
  const std::string stage = base::Cat("released/", released.release_id());
  fan.AddDeliveries(stage, 0, released.recipients(), released.actions());
  fan.AddCopies(stage, released.actions());
  return deliveries;
}

}  // namespace cleanmail::egress
