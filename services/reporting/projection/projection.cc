#include "services/reporting/trace/trace.h"

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::reporting {
namespace {

constexpr size_t kLongestText = 300;

std::string Safe(std::string_view text) { return base::Printable(text, kLongestText); }

std::string_view What(egress::v1::DeliveryState state) {
  switch (state) {
    case egress::v1::DELIVERY_STATE_DELIVERED:
      return "delivered";
    case egress::v1::DELIVERY_STATE_DEFERRED:
      return "deferred";
    case egress::v1::DELIVERY_STATE_REFUSED:
      return "refused";
    case egress::v1::DELIVERY_STATE_EXPIRED:
      return "expired";
    default:
      return "unknown";
  }
}

std::string_view NoticeText(egress::v1::FailureNotice notice) {
  switch (notice) {
    case egress::v1::FAILURE_NOTICE_SENT:
      return "; the sender was told";
    case egress::v1::FAILURE_NOTICE_HELD:
      return "; held as undeliverable, the sender was not told (backscatter)";
    case egress::v1::FAILURE_NOTICE_NULL_SENDER:
      return "; the null sender is told nothing";
    default:
      return "";
  }
}

}  // namespace

MessageRow ToMessage(const ingress::v1::MailReceived& event) {
  const mail::v1::Message& message = event.message();
  return {.message = message.id(),
          .tenant = message.tenant(),
          .sender = message.envelope().sender(),
          .recipients = {message.envelope().recipients().begin(),
                         message.envelope().recipients().end()},
          .subject = Safe(message.subject()),
          .accepted_at_us = message.accepted_at_us()};
}

std::vector<Entry> ToEntries(const ingress::v1::MailReceived& event) {
  const mail::v1::SessionFacts& session = event.message().session();
  const std::string tls =
      session.tls().empty() ? "without TLS" : base::Cat("over ", Safe(session.tls()));
  return {{.message = event.message_id(),
           .at_us = event.message().accepted_at_us(),
           .what = "received",
           .recipient = {},
           .detail = base::Cat("From ", Safe(session.helo()), " [", session.client_address(), "] ",
                               tls, ", ", event.message().size(), " bytes.")}};
}

std::vector<Entry> ToEntries(const scanner::v1::MailScanned& event) {
  std::string findings;
  for (const mail::v1::Finding& finding : event.findings()) {
    findings += base::Cat(findings.empty() ? "" : ", ", Safe(finding.name()));
    if (!finding.evidence().empty()) findings += base::Cat(" (", Safe(finding.evidence()), ")");
  }
  return {{.message = event.message_id(),
           .at_us = event.scanned_at_us(),
           .what = "scanned",
           .recipient = {},
           .detail = absl::StrFormat("Score %.1f, %s.", event.score(),
                                     findings.empty() ? "nothing found" : findings)}};
}

std::vector<Entry> ToEntries(const policy::v1::MailDisposed& event) {
  std::vector<Entry> entries;
  for (const mail::v1::RecipientGroup& group : event.groups()) {
    const bool held = group.disposition() == mail::v1::DISPOSITION_KIND_HOLD;
    const bool discarded = group.disposition() == mail::v1::DISPOSITION_KIND_DISCARD;
    for (const std::string& recipient : group.recipients()) {
      entries.push_back(
          {.message = event.message_id(),
           .at_us = event.disposed_at_us(),
           .what = held        ? "held"
                   : discarded ? "discarded"
                               : "disposed",
           .recipient = recipient,
           .detail = base::Cat(held        ? "Held"
                               : discarded ? "Discarded"
                                           : "To be delivered",
                               " by rule ", group.rule(), ": ", Safe(group.reason()))});
    }
  }
  return entries;
}

std::vector<Entry> ToEntries(const quarantine::v1::MailReleased& event) {
  std::vector<Entry> entries;
  for (const std::string& recipient : event.recipients()) {
    entries.push_back({.message = event.message_id(),
                       .at_us = event.released_at_us(),
                       .what = "released",
                       .recipient = recipient,
                       .detail = base::Cat("By ", Safe(event.released_by()), ".")});
  }
  return entries;
}

std::vector<Entry> ToEntries(const egress::v1::DeliveryChanged& event) {
  std::vector<Entry> entries;
  for (const egress::v1::RecipientDelivery& recipient : event.recipients()) {
    std::string detail = base::Cat("Attempt ", event.attempt());
    if (!event.remote().empty()) detail += base::Cat(" at ", Safe(event.remote()));
    if (!event.tls().empty()) detail += base::Cat(" over ", Safe(event.tls()));
    detail += base::Cat(": ", Safe(recipient.reply()));
    if (recipient.state() == egress::v1::DELIVERY_STATE_DEFERRED) {
      detail += base::Cat(
          "; next attempt ",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(event.next_attempt_at_us()),
                           absl::UTCTimeZone()));
    } else if (recipient.state() != egress::v1::DELIVERY_STATE_DELIVERED) {
      detail += NoticeText(event.notice());
    }
    entries.push_back({.message = event.message_id(),
                       .at_us = event.at_us(),
                       .what = std::string(What(recipient.state())),
                       .recipient = recipient.address(),
                       .detail = std::move(detail)});
  }
  return entries;
}

}  // namespace cleanmail::reporting
