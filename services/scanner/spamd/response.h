#pragma once

#include <string>
#include <string_view>

#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/spamd/request.h"

// What goes back to spamc; pure.
namespace cleanmail::scanner::spamd {

// Who says so, in X-Spam-Checker-Version.
struct Speaker {
  std::string version;    // "0.1.0"
  std::string host_name;  // ours
};

// Malware, phishing and whatever else reached the line of 5.0.
bool IsSpam(const mail::v1::ScanResult& scan);

// The message with X-Spam-Flag (of spam only), -Level, -Status, -Checker-Version on top, in the
// message's own kind of line end; fields of X-Spam-* that came with it are taken out.
std::string Marked(std::string_view message, const mail::v1::ScanResult& scan,
                   const Speaker& speaker);

// The whole response to a complete request about a message (RequestReader::complete).
std::string Respond(const RequestReader& request, const mail::v1::ScanResult& scan,
                    const Speaker& speaker);
// To PING.
std::string Pong();
// To a request that is none, or cannot be answered; `why` is one line.
std::string Refuse(Code code, std::string_view why);

}  // namespace cleanmail::scanner::spamd
