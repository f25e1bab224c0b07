#pragma once

#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "libs/dns/resolver.h"
#include "libs/mail/mime/header_block.h"
#include "libs/net/prefix.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/authentication/sender_authentication.h"

namespace cleanmail::scanner {

// Finds out who sent a message: DKIM, ARC, DMARC, and SPF where ingress has not asked. Thread-safe.
class Authenticator {
 public:
  struct Options {
    std::string host_name = {};  // ours, for SPF's macros
    absl::Duration deadline = absl::Seconds(5);
    // Gateways in front of this one: the client that counts is the first that is none of them.
    net::PrefixSet trusted_relays = {};
    // Knows those of each domain; null: there are none. Outlives the authenticator.
    const directory::Directory* directory = nullptr;
  };
  Authenticator(dns::Resolver& resolver, const base::Clock& clock, Options options)
      : resolver_(resolver), clock_(clock), options_(std::move(options)) {}

  // `header` and `body` are the message's. Blocks while the DNS is asked, at most for the deadline;
  // what is not known then is a temporary error of its method.
  SenderAuthentication Authenticate(const mail::v1::Message& message,
                                    const mail::mime::HeaderBlock& header,
                                    std::string_view body) const;

 private:
  dns::Resolver& resolver_;
  const base::Clock& clock_;
  const Options options_;
};

}  // namespace cleanmail::scanner
