#pragma once

#include <string_view>

#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/dmarc/evaluate.h"
#include "libs/mail/auth/results/authentication_results.h"
#include "libs/mail/auth/spf/check_host.h"

namespace cleanmail::mail::auth::results {

// What the machines of this folder found, as Authentication-Results has it (RFC 8601 §2.7).
// smtp.mailfrom, or smtp.helo where MAIL FROM was empty.
MethodResult Describe(const spf::Query& query, const spf::Verdict& verdict);
// One signature: header.d, .i, .s, .a and .b (RFC 6008).
MethodResult Describe(const dkim::Verdict& verdict);
// header.from; the owner's policy in the comment.
MethodResult Describe(const dmarc::Verdict& verdict);
// header.oldest-pass and smtp.remote-ip (RFC 8617 §5.2, §10.2).
MethodResult Describe(const arc::Verdict& verdict, std::string_view client);

}  // namespace cleanmail::mail::auth::results
