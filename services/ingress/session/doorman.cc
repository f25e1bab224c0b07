#include "services/ingress/session/doorman.h"

#include "services/ingress/session/reply_of.h"

namespace cleanmail::ingress {
namespace {

using directory::Recipient;
using mail::address::Mailbox;

}  // namespace

Doorman::Sender Doorman::AdmitSender(const Mailbox& sender, std::string_view client_address) const {
  if (role_ == Role::kMx) return {};
  if (!directory_.complete())
    return {
        .refusal = ReplyOf(refusals::kLoading), .tenant = {}, .reason = "directory not complete"};
  const std::optional<std::string> tenant = directory_.TenantOfSender(client_address);
  if (!tenant)
    return {.refusal = ReplyOf(refusals::kNotYourNetwork),
            .tenant = {},
            .reason = "no tenant sends from this network"};
  // One tenant's server must not speak for another tenant's domain.
  const std::optional<std::string> owner = directory_.TenantOfDomain(sender.domain);
  if (owner && *owner != *tenant) {
    return {.refusal = ReplyOf(refusals::kNotYourDomain),
            .tenant = *tenant,
            .reason = "the sender's domain belongs to another tenant"};
  }
  return {.refusal = std::nullopt, .tenant = *tenant, .reason = {}};
}

Doorman::Verdict Doorman::AdmitRecipient(const Mailbox& recipient, std::string_view tenant) const {
  if (recipient.is_bare_postmaster()) return AdmitPostmaster();
  if (role_ == Role::kMx) return AdmitInbound(recipient);
  return {.refusal = std::nullopt,
          .addressee = {.address = ToText(recipient), .tenant = std::string(tenant)},
          .reason = {}};
}

Doorman::Verdict Doorman::AdmitPostmaster() const {
  if (!directory_.complete())
    return {.refusal = ReplyOf(refusals::kLoading),
            .addressee = {},
            .reason = "directory not complete"};
  if (!postmaster_.empty()) {
    const absl::StatusOr<Mailbox> postmaster = mail::address::ParseMailbox(postmaster_);
    if (postmaster.ok()) return AdmitInbound(*postmaster);
  }
  for (std::string_view domain = host_name_; !domain.empty();) {
    if (directory_.TenantOfDomain(domain))
      return AdmitInbound({.local = "postmaster", .domain = std::string(domain)});
    const size_t dot = domain.find('.');
    domain = dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
  }
  return {.refusal = ReplyOf(refusals::kUnknownUser),
          .addressee = {},
          .reason = "ingress.postmaster is not set, and no live domain is above our host name"};
}

Doorman::Verdict Doorman::AdmitInbound(const Mailbox& recipient) const {
  Recipient found = directory_.Find(recipient.local, recipient.domain);
  Verdict verdict{.refusal = std::nullopt,
                  .addressee = {.address = ToText(recipient), .tenant = std::move(found.tenant)},
                  .reason = {}};
  switch (found.standing) {
    case Recipient::Standing::kAccepted:
      return verdict;
    case Recipient::Standing::kUnknownDomain:
      verdict.refusal = ReplyOf(refusals::kNoRelay);
      verdict.reason = "not one of our domains";
      return verdict;
    case Recipient::Standing::kUnknownUser:
      verdict.refusal = ReplyOf(refusals::kUnknownUser);
      verdict.reason = "no such account or alias";
      return verdict;
    case Recipient::Standing::kStaged:
      verdict.refusal = ReplyOf(refusals::kStaged);
      verdict.reason = "the domain is staged";
      return verdict;
    case Recipient::Standing::kAskDestination:
      verdict.ask_destination = true;
      return verdict;
    case Recipient::Standing::kNotReady:
      verdict.refusal = ReplyOf(refusals::kLoading);
      verdict.reason = "directory not complete";
      return verdict;
  }
  return verdict;
}

}  // namespace cleanmail::ingress
