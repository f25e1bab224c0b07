#include "services/ingress/session/doorman.h"

namespace cleanmail::ingress {
namespace {

using directory::Recipient;
using mail::address::Mailbox;
using mail::smtp::Reply;

Reply NotComplete() { return {451, "4.3.0", "The directory is not loaded yet, try again"}; }
Reply NoRelay() { return {550, "5.7.1", "This gateway does not take mail for that domain"}; }
Reply UnknownUser() { return {550, "5.1.1", "No such user here"}; }
Reply NotYourNetwork() {
  return {550, "5.7.1", "This gateway does not take outbound mail from your network"};
}
Reply NotYourDomain() { return {550, "5.7.1", "The sender's domain is not yours"}; }

}  // namespace

Doorman::Sender Doorman::AdmitSender(const Mailbox& sender, std::string_view client_address) const {
  if (role_ == Role::kMx) return {};
  if (!directory_.complete())
    return {.refusal = NotComplete(), .tenant = {}, .reason = "directory not complete"};
  const std::optional<std::string> tenant = directory_.TenantOfSender(client_address);
  if (!tenant)
    return {
        .refusal = NotYourNetwork(), .tenant = {}, .reason = "no tenant sends from this network"};
  // One tenant's server must not speak for another tenant's domain.
  const std::optional<std::string> owner = directory_.TenantOfDomain(sender.domain);
  if (owner && *owner != *tenant) {
    return {.refusal = NotYourDomain(),
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
    return {.refusal = NotComplete(), .addressee = {}, .reason = "directory not complete"};
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
  return {.refusal = UnknownUser(),
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
      verdict.refusal = NoRelay();
      verdict.reason = "not one of our domains";
      return verdict;
    case Recipient::Standing::kUnknownUser:
      verdict.refusal = UnknownUser();
      verdict.reason = "no such account or alias";
      return verdict;
    case Recipient::Standing::kStaged:
      verdict.refusal = NotComplete();
      verdict.reason = "the domain is staged";
      return verdict;
    case Recipient::Standing::kAskDestination:
      verdict.refusal = NotComplete();
      verdict.reason = "only the destination knows";
      return verdict;
    case Recipient::Standing::kNotReady:
      verdict.refusal = NotComplete();
      verdict.reason = "directory not complete";
      return verdict;
  }
  return verdict;
}

}  // namespace cleanmail::ingress
