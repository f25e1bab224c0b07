#include "services/quarantine/consumer.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"

namespace cleanmail::quarantine {
namespace {

constexpr std::array<std::string_view, 4> kRoomsThatDecide = {"scanner", "policy", "egress",
                                                              "quarantine"};

// One transaction a batch: all of it has one fate.
std::vector<absl::Status> Same(size_t count, const absl::Status& status) {
  return std::vector<absl::Status>(count, status);
}

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(base::AbslView(text)); }

HoldRow ToHold(const policy::v1::MailDisposed& disposed, const mail::v1::RecipientGroup& group) {
  HoldRow hold{.message = disposed.message(),
               .kind = group.hold_kind(),
               .rule = group.rule(),
               .reason = group.reason(),
               .score = disposed.score(),
               .generation = disposed.generation(),
               .findings = {disposed.findings().begin(), disposed.findings().end()},
               .recipients = {}};
  for (const std::string& address : group.recipients()) {
    hold.recipients.push_back({.address = address,
                               .state = v1::HOLD_STATE_HELD,
                               .detail = {},
                               .policy = group.policy(),
                               .policy_version = group.policy_version(),
                               .policy_scope = group.policy_scope(),
                               .quarantine = group.quarantine(),
                               .actions = {group.actions().begin(), group.actions().end()}});
  }
  return hold;
}

// Says of each recipient why he is held and whose he is.
std::vector<HoldRow> Completed(std::vector<HoldRow> holds, const AccountOf& account_of) {
  for (HoldRow& hold : holds) {
    const bool is_outbound = hold.message.direction() == mail::v1::DIRECTION_OUTBOUND;
    for (HeldRecipient& recipient : hold.recipients) {
      recipient.kind = hold.kind;
      recipient.rule = hold.rule;
      recipient.reason = hold.reason;
      const std::string owner =
          Lower(is_outbound ? hold.message.envelope().sender() : recipient.address);
      const size_t at = owner.rfind('@');
      recipient.domain = at == std::string::npos ? std::string() : owner.substr(at + 1);
      recipient.account = account_of && !owner.empty() ? account_of(owner) : owner;
    }
  }
  return holds;
}

}  // namespace

std::vector<absl::Status> OnDisposed(Holds& holds, const AccountOf& account_of,
                                     std::span<const policy::v1::MailDisposed> batch) {
  std::vector<HoldRow> held;
  std::vector<Rescan> rescans;
  for (const policy::v1::MailDisposed& disposed : batch) {
    if (disposed.generation() > 1) {
      rescans.push_back({.message = disposed.message(),
                         .generation = disposed.generation(),
                         .score = disposed.score(),
                         .findings = {disposed.findings().begin(), disposed.findings().end()},
                         .groups = {disposed.groups().begin(), disposed.groups().end()}});
      continue;
    }
    for (const mail::v1::RecipientGroup& group : disposed.groups()) {
      if (group.disposition() == mail::v1::DISPOSITION_KIND_HOLD)
        held.push_back(ToHold(disposed, group));
    }
  }
  absl::Status status = holds.Hold(Completed(std::move(held), account_of));
  if (status.ok()) status = holds.ApplyRescans(rescans);
  return Same(batch.size(), status);
}

std::vector<absl::Status> OnDeliveryChanged(Holds& holds, const AccountOf& account_of,
                                            std::span<const egress::v1::DeliveryChanged> batch) {
  std::vector<DeliveryNews> news;
  std::vector<HoldRow> undeliverable;
  for (const egress::v1::DeliveryChanged& changed : batch) {
    HoldRow hold{.message = changed.message(),
                 .kind = mail::v1::HOLD_KIND_UNDELIVERABLE,
                 .rule = "no-backscatter",
                 .reason = {},
                 .findings = {},
                 .recipients = {}};
    const bool is_release = changed.stage().starts_with("released/");  // all others concern no hold
    for (const egress::v1::RecipientDelivery& recipient : changed.recipients()) {
      const bool delivered = recipient.state() == egress::v1::DELIVERY_STATE_DELIVERED;
      const bool failed = recipient.state() == egress::v1::DELIVERY_STATE_REFUSED ||
                          recipient.state() == egress::v1::DELIVERY_STATE_EXPIRED;
      if (!delivered && !failed) continue;
      if (is_release)
        news.push_back({.message = changed.message_id(),
                        .address = recipient.address(),
                        .delivered = delivered,
                        .reply = recipient.reply()});
      if (failed && changed.notice() == egress::v1::FAILURE_NOTICE_HELD) {
        hold.recipients.push_back({.address = recipient.address(),
                                   .state = v1::HOLD_STATE_HELD,
                                   .detail = base::Printable(recipient.reply())});
        hold.reason = base::Cat(
            "Could not be delivered, and the sender is not known well enough to be told: ",
            base::Printable(recipient.reply(), 300));
      }
    }
    if (!hold.recipients.empty()) undeliverable.push_back(std::move(hold));
  }
  absl::Status status = holds.ApplyDeliveries(news);
  if (status.ok()) status = holds.Hold(Completed(std::move(undeliverable), account_of));
  return Same(batch.size(), status);
}

std::vector<absl::Status> OnDeadLetter(Holds& holds, const AccountOf& account_of, Metrics& metrics,
                                       std::span<const bus::v1::DeadLetter> batch) {
  std::vector<HoldRow> unprocessed;
  for (const bus::v1::DeadLetter& letter : batch) {
    if (std::ranges::find(kRoomsThatDecide, letter.group()) == kRoomsThatDecide.end()) continue;
    // Every mail event has its message in field 2; the rest of it does not matter here.
    ingress::v1::MailReceived event;
    if (!event.ParseFromString(letter.payload()) || event.message().id().empty()) continue;
    metrics.unprocessed.Add();
    HoldRow hold{.message = event.message(),
                 .kind = mail::v1::HOLD_KIND_UNPROCESSED,
                 .rule = "not-forgotten",
                 .reason = base::Cat("The ", letter.group(), " could not handle it: ",
                                     base::Printable(letter.reason(), 300)),
                 .findings = {},
                 .recipients = {}};
    for (const std::string& address : event.message().envelope().recipients()) {
      hold.recipients.push_back({.address = address, .state = v1::HOLD_STATE_HELD, .detail = {}});
    }
    unprocessed.push_back(std::move(hold));
  }
  return Same(batch.size(), holds.Hold(Completed(std::move(unprocessed), account_of)));
}

}  // namespace cleanmail::quarantine
