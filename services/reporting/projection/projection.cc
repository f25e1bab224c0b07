#include "services/reporting/projection/projection.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/crypto/hash.h"

namespace cleanmail::reporting {
namespace {

constexpr size_t kLongestText = 300;

std::string Safe(std::string_view text) { return base::Printable(text, kLongestText); }

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(base::AbslView(text)); }

std::string DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : std::string(address.substr(at + 1));
}

std::string Packed(const google::protobuf::Message& message) {
  return absl::Base64Escape(message.SerializeAsString());
}

MessageRow ToRow(const mail::v1::Message& message) {
  return {.message = message.id(),
          .tenant = message.tenant(),
          .sender = Lower(message.envelope().sender()),
          .subject = Safe(message.subject()),
          .client_address = message.session().client_address(),
          .direction = message.direction(),
          .size = message.size(),
          .accepted_at_us = message.accepted_at_us(),
          .findings = {}};
}

// What is known of a recipient by his message alone.
RecipientRow ToRecipient(const mail::v1::Message& message, const std::string& recipient,
                         const AccountOf& account_of) {
  RecipientRow row{.message = message.id(),
                   .recipient = recipient,
                   .tenant = message.tenant(),
                   .address = Lower(recipient),
                   .domain = {},
                   .account = {},
                   .direction = message.direction(),
                   .accepted_at_us = message.accepted_at_us(),
                   .decision = {},
                   .reply = {}};
  const bool is_outbound = message.direction() == mail::v1::DIRECTION_OUTBOUND;
  const std::string owner = is_outbound ? Lower(message.envelope().sender()) : row.address;
  row.domain = DomainOf(owner);
  row.account = owner.empty() ? owner : account_of(owner);
  return row;
}

// The same without his message: whose it is, is then known from other events.
RecipientRow ToRecipient(const std::string& message, const std::string& tenant,
                         const std::string& recipient) {
  return {.message = message,
          .recipient = recipient,
          .tenant = tenant,
          .address = Lower(recipient),
          .domain = {},
          .account = {},
          .decision = {},
          .reply = {}};
}

v1::Verdict VerdictOf(mail::v1::DispositionKind kind) {
  switch (kind) {
    case mail::v1::DISPOSITION_KIND_HOLD:
      return v1::VERDICT_HELD;
    case mail::v1::DISPOSITION_KIND_DISCARD:
      return v1::VERDICT_DISCARDED;
    case mail::v1::DISPOSITION_KIND_REDIRECT:
      return v1::VERDICT_REDIRECTED;
    default:
      return v1::VERDICT_ACCEPTED;
  }
}

v1::Verdict VerdictOf(egress::v1::DeliveryState state) {
  switch (state) {
    case egress::v1::DELIVERY_STATE_DELIVERED:
      return v1::VERDICT_DELIVERED;
    case egress::v1::DELIVERY_STATE_DEFERRED:
      return v1::VERDICT_DEFERRED;
    case egress::v1::DELIVERY_STATE_REFUSED:
    case egress::v1::DELIVERY_STATE_EXPIRED:
      return v1::VERDICT_FAILED;
    default:
      return v1::VERDICT_UNSPECIFIED;
  }
}

// "550 5.1.1" of "550 5.1.1 No such user".
std::string CodeOf(std::string_view reply) {
  const size_t first = reply.find_first_of(" -");
  std::string code(reply.substr(0, std::min(first, size_t{3})));
  if (first == std::string_view::npos) return code;
  const std::string_view rest = reply.substr(first + 1);
  const std::string_view enhanced = rest.substr(0, rest.find(' '));
  if (enhanced.size() >= 5 && enhanced.size() <= 9 &&
      enhanced.find_first_not_of("0123456789.") == std::string_view::npos)
    code += base::Cat(" ", enhanced);
  return Safe(code);
}

// Of a decision: what the story says.
Entry ToEntry(const policy::v1::MailDisposed& event, const mail::v1::RecipientGroup& group,
              const std::string& recipient) {
  std::string_view what = "disposed";
  std::string detail = "To be delivered";
  if (group.disposition() == mail::v1::DISPOSITION_KIND_HOLD) {
    what = "held";
    detail = "Held";
    if (!group.quarantine().empty()) detail += base::Cat(" in ", Safe(group.quarantine()));
  } else if (group.disposition() == mail::v1::DISPOSITION_KIND_DISCARD) {
    what = "discarded";
    detail = "Discarded";
  } else if (group.disposition() == mail::v1::DISPOSITION_KIND_REDIRECT) {
    what = "redirected";
    detail = "To be delivered to others instead";
  }
  detail += base::Cat(" by rule ", Safe(group.rule()), ": ", Safe(group.reason()));
  if (!group.policy().empty())
    detail += base::Cat(" (policy ", Safe(group.policy()), " version ", group.policy_version(),
                        ", set for the ", Safe(group.policy_scope()), ")");
  if (group.has_would_be())
    detail += base::Cat("; only watched: rule ", Safe(group.would_be().rule()),
                        " would have done otherwise: ", Safe(group.would_be().reason()));
  return {.message = event.message_id(),
          .at_us = event.disposed_at_us(),
          .what = std::string(what),
          .recipient = recipient,
          .detail = std::move(detail)};
}

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
    case egress::v1::FAILURE_NOTICE_NOT_WANTED:
      return "; the sender had asked not to be told";
    default:
      return "";
  }
}

std::string DeliveryDetail(const egress::v1::DeliveryChanged& event,
                           const egress::v1::RecipientDelivery& recipient) {
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
  return detail;
}

}  // namespace

void Project(const ingress::v1::MailReceived& event, const AccountOf& account_of, Changes& out) {
  const mail::v1::Message& message = event.message();
  const mail::v1::SessionFacts& session = message.session();
  out.messages.push_back(ToRow(message));
  for (const std::string& recipient : message.envelope().recipients()) {
    RecipientRow row = ToRecipient(message, recipient, account_of);
    row.verdict = v1::VERDICT_ACCEPTED;
    row.verdict_at_us = message.accepted_at_us();
    out.recipients.push_back({std::move(row), std::nullopt});
  }
  const std::string tls =
      session.tls().empty() ? "without TLS" : base::Cat("over ", Safe(session.tls()));
  out.entries.push_back(
      {.message = event.message_id(),
       .at_us = message.accepted_at_us(),
       .what = "received",
       .recipient = {},
       .detail = base::Cat("From ", Safe(session.helo()), " [", session.client_address(), "] ", tls,
                           ", ", message.size(), " bytes.")});
}

void Project(const ingress::v1::MailRefused& event, const AccountOf& account_of, Changes& out) {
  const std::string recipient = Lower(event.recipient());
  // The session, the time, what was asked: an event that comes twice is one refusal.
  const std::string key = base::Cat(event.session_id(), "\n", event.refused_at_us(), "\n",
                                    event.verb(), "\n", recipient);
  out.refusals.push_back({.refusal = crypto::Sha256Hex(key).substr(0, 32),
                          .tenant = event.tenant().empty() ? "-" : event.tenant(),
                          .domain = event.tenant().empty() ? std::string() : DomainOf(recipient),
                          .account = event.tenant().empty() || recipient.empty()
                                         ? std::string()
                                         : account_of(recipient),
                          .at_us = event.refused_at_us(),
                          .session = event.session_id(),
                          .client_address = event.session().client_address(),
                          .helo = Safe(event.session().helo()),
                          .sender = base::Printable(Lower(event.sender()), 320),
                          .recipient = base::Printable(recipient, 320),
                          .verb = Safe(event.verb()),
                          .code = CodeOf(event.reply()),
                          .reply = base::Printable(event.reply()),
                          .reason = Safe(event.reason())});
}

namespace {

// " Category newsletter: A newsletter, known by: …"; empty where none was decided.
std::string CategoryOf(const mail::v1::MessageFacts& facts) {
  if (facts.category() == mail::v1::MESSAGE_CATEGORY_UNSPECIFIED) return {};
  std::string word =
      mail::v1::MessageCategory_Name(facts.category()).substr(sizeof("MESSAGE_CATEGORY_") - 1);
  for (char& c : word) c = static_cast<char>(c | 0x20);
  return base::Cat(" Category ", word, ": ", Safe(facts.category_reason()));
}

}  // namespace

void Project(const scanner::v1::MailScanned& event, const AccountOf&, Changes& out) {
  MessageRow row = ToRow(event.message());
  row.generation = event.generation();
  row.score = event.score();
  scanner::v1::MailScanned list;  // findings are kept inside a MailScanned, which is a list of them
  *list.mutable_findings() = event.findings();
  row.findings = Packed(list);
  out.messages.push_back(std::move(row));
  std::string findings;
  for (const mail::v1::Finding& finding : event.findings()) {
    findings += base::Cat(findings.empty() ? "" : ", ", Safe(finding.name()));
    if (!finding.evidence().empty()) findings += base::Cat(" (", Safe(finding.evidence()), ")");
  }
  out.entries.push_back(
      {.message = event.message_id(),
       .at_us = event.scanned_at_us(),
       .what = "scanned",
       .recipient = {},
       .detail = base::Cat(absl::StrFormat("Score %.1f, %s.", event.score(),
                                           findings.empty() ? "nothing found" : findings),
                           CategoryOf(event.facts()))});
}

void Project(const policy::v1::MailDisposed& event, const AccountOf& account_of, Changes& out) {
  for (const mail::v1::RecipientGroup& group : event.groups()) {
    const Decision decision{
        .generation = event.generation(),
        .rule = Safe(group.rule()),
        .reason = Safe(group.reason()),
        .policy = group.policy(),
        .policy_version = group.policy_version(),
        .policy_scope = group.policy_scope(),
        .quarantine = group.quarantine(),
        .would_be = group.has_would_be() ? Packed(group.would_be()) : std::string()};
    for (const std::string& recipient : group.recipients()) {
      RecipientRow row = ToRecipient(event.message(), recipient, account_of);
      row.verdict = VerdictOf(group.disposition());
      row.verdict_at_us = event.disposed_at_us();
      out.recipients.push_back({std::move(row), decision});
      out.entries.push_back(ToEntry(event, group, recipient));
    }
  }
}

void Project(const quarantine::v1::MailReleased& event, const AccountOf& account_of, Changes& out) {
  for (const std::string& recipient : event.recipients()) {
    RecipientRow row = ToRecipient(event.message(), recipient, account_of);
    row.verdict = v1::VERDICT_RELEASED;
    row.verdict_at_us = event.released_at_us();
    out.recipients.push_back({std::move(row), std::nullopt});
    out.entries.push_back({.message = event.message_id(),
                           .at_us = event.released_at_us(),
                           .what = "released",
                           .recipient = recipient,
                           .detail = base::Cat("By ", Safe(event.released_by()), ".")});
  }
}

void Project(const quarantine::v1::HoldEnded& event, const AccountOf&, Changes& out) {
  const bool is_deleted = event.end() == quarantine::v1::HOLD_END_DELETED;
  for (const std::string& recipient : event.recipients()) {
    RecipientRow row = ToRecipient(event.message_id(), event.tenant(), recipient);
    row.verdict = is_deleted ? v1::VERDICT_DELETED : v1::VERDICT_EXPIRED;
    row.verdict_at_us = event.ended_at_us();
    out.recipients.push_back({std::move(row), std::nullopt});
    out.entries.push_back(
        {.message = event.message_id(),
         .at_us = event.ended_at_us(),
         .what = is_deleted ? "deleted" : "expired",
         .recipient = recipient,
         .detail = is_deleted ? base::Cat("Out of quarantine, by ", Safe(event.ended_by()), ".")
                              : "Its time in quarantine was over."});
  }
}

void Project(const egress::v1::DeliveryChanged& event, const AccountOf& account_of, Changes& out) {
  for (const egress::v1::RecipientDelivery& recipient : event.recipients()) {
    // The message is only there with a failure.
    RecipientRow row = ToRecipient(event.message_id(), event.tenant(), recipient.address());
    if (event.has_message()) row = ToRecipient(event.message(), recipient.address(), account_of);
    row.verdict = VerdictOf(recipient.state());
    row.verdict_at_us = event.at_us();
    row.reply = Safe(recipient.reply());
    row.attempts = event.attempt();
    out.recipients.push_back({std::move(row), std::nullopt});
    out.entries.push_back({.message = event.message_id(),
                           .at_us = event.at_us(),
                           .what = std::string(What(recipient.state())),
                           .recipient = recipient.address(),
                           .detail = DeliveryDetail(event, recipient)});
  }
}

void Project(const audit::v1::AuditRecorded& event, const AccountOf&, Changes& out) {
  out.audit.push_back({.entry = crypto::Sha256Hex(event.SerializeAsString()).substr(0, 32),
                       .tenant = event.tenant(),
                       .at_us = event.at_us(),
                       .actor = event.actor(),
                       .permission = event.permission(),
                       .resource = event.resource(),
                       .allowed = event.allowed(),
                       .before = event.before(),
                       .after = event.after(),
                       .address = event.address(),
                       .trace = event.trace()});
}

}  // namespace cleanmail::reporting
