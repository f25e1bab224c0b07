#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/auth/dmarc/evaluate.h"
#include "libs/mail/auth/spf/check_host.h"

namespace cleanmail::scanner {

// Who really sent a message, as far as it can be proven.
struct SenderAuthentication {
  std::string client;  // address SPF was asked about: behind trusted relays, the first untrusted
                       // one; empty: none is known
  mail::auth::spf::Query query = {};
  std::optional<mail::auth::spf::Verdict> spf = std::nullopt;  // absent without a client
  std::vector<mail::auth::dkim::Verdict> dkim = {};            // in the order of the fields
  mail::auth::arc::Verdict arc = {};
  mail::auth::dmarc::Author author = {};
  // Of the author's domain; absent unless From names exactly one.
  std::optional<mail::auth::dmarc::Verdict> dmarc = std::nullopt;

  // Whether SPF or a signature that counts vouches for the domain itself.
  bool VouchedFor(const std::string& domain) const;
};

}  // namespace cleanmail::scanner
