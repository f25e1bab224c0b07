#include "libs/mail/report/dsn/notice.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::mail::report::dsn {
namespace {

constexpr size_t kLongestField = 900;  // a line has at most 998 octets (RFC 5322 §2.1.1)

// One line of printable ASCII: everything else is escaped, so that the notice needs neither
// 8BITMIME nor SMTPUTF8.
std::string Line(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string out;
  for (const char c : base::Printable(text, kLongestField)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 0x0f];
    }
  }
  return out.substr(0, kLongestField);
}

std::string DateText(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", time, absl::UTCTimeZone());
}

// Header lines as they came, each made safe, those that would look like our boundary indented away.
std::string QuotedHeaders(std::string_view headers) {
  std::string out;
  while (!headers.empty()) {
    const size_t end = headers.find('\n');
    std::string_view line = headers.substr(0, end);
    headers = end == std::string_view::npos ? std::string_view{} : headers.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;  // an empty line would end the headers early
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded) line.remove_prefix(1);
    out += base::Cat(folded || line.starts_with("--") ? " " : "", Line(line), "\r\n");
  }
  return out;
}

std::string ForPeople(const Failure& failure) {
  std::string text =
      base::Cat("This is the mail gateway ", Line(failure.reporting_host), ".\r\n\r\n",
                "Your message could not be delivered to the recipients below. It is not tried "
                "again.\r\n\r\n");
  for (const Recipient& recipient : failure.recipients) {
    text +=
        base::Cat("  ", Line(recipient.address), "\r\n    ", Line(recipient.diagnostic), "\r\n");
  }
  return base::Cat(text, "\r\nThe headers of your message are attached.\r\n");
}

std::string ForMachines(const Failure& failure) {
  std::string text = base::Cat("Reporting-MTA: dns; ", Line(failure.reporting_host),
                               "\r\nArrival-Date: ", DateText(failure.arrived), "\r\n");
  for (const Recipient& recipient : failure.recipients) {
    text += base::Cat("\r\nFinal-Recipient: rfc822; ", Line(recipient.address),
                      "\r\nAction: failed\r\nStatus: ", Line(recipient.status), "\r\n");
    if (!recipient.remote.empty())
      text += base::Cat("Remote-MTA: dns; ", Line(recipient.remote), "\r\n");
    text += base::Cat("Diagnostic-Code: smtp; ", Line(recipient.diagnostic), "\r\n");
  }
  return text;
}

}  // namespace

std::string MakeFailureNotice(const Failure& failure) {
  const std::string boundary = base::Cat("notice-", Line(failure.id));
  const std::string host = Line(failure.reporting_host);
  return base::Cat(
      "From: Mail Delivery System <MAILER-DAEMON@", host, ">\r\nTo: <", Line(failure.to),
      ">\r\nSubject: Undelivered mail returned to sender\r\nDate: ", DateText(failure.now),
      "\r\nMessage-ID: <", Line(failure.id), "@", host,
      ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n",
      "Content-Type: multipart/report; report-type=delivery-status; boundary=\"", boundary,
      "\"\r\n\r\n", "--", boundary, "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
      ForPeople(failure), "\r\n--", boundary, "\r\nContent-Type: message/delivery-status\r\n\r\n",
      ForMachines(failure), "\r\n--", boundary, "\r\nContent-Type: text/rfc822-headers\r\n\r\n",
      QuotedHeaders(failure.original_headers), "\r\n--", boundary, "--\r\n");
}

}  // namespace cleanmail::mail::report::dsn
