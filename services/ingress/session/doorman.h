#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libs/directory/directory.h"
#include "libs/mail/address/mailbox.h"
#include "libs/mail/smtp/reply.h"
#include "services/ingress/intake/intake.h"

namespace cleanmail::ingress {

// Whose mail comes in by a listener.
enum class Role { kMx, kSmartHost };

// Answers for senders and recipients from the directory alone, at once.
class Doorman {
 public:
  // Either whose recipient it is, or the reply that refuses it.
  struct Verdict {
    std::optional<mail::smtp::Reply> refusal;
    Addressee addressee;
    std::string reason = {};       // for operators, when refused
    bool ask_destination = false;  // only the destination knows whether he exists
  };

  // `postmaster` is the address that mail for `<Postmaster>` (RFC 5321 §4.5.1) is for; empty: the
  // postmaster of the nearest live domain above `host_name`.
  Doorman(Role role, std::string postmaster, std::string host_name,
          const directory::Directory& directory)
      : role_(role),
        postmaster_(std::move(postmaster)),
        host_name_(std::move(host_name)),
        directory_(directory) {}

  // May this sender begin at all? On a smart host: `tenant` becomes whose network it is.
  struct Sender {
    std::optional<mail::smtp::Reply> refusal;
    std::string tenant;
    std::string reason;
  };
  Sender AdmitSender(const mail::address::Mailbox& sender, std::string_view client_address) const;

  // `tenant`: what AdmitSender said.
  Verdict AdmitRecipient(const mail::address::Mailbox& recipient, std::string_view tenant) const;

 private:
  Verdict AdmitPostmaster() const;
  Verdict AdmitInbound(const mail::address::Mailbox& recipient) const;

  const Role role_;
  const std::string postmaster_;
  const std::string host_name_;
  const directory::Directory& directory_;
};

}  // namespace cleanmail::ingress
